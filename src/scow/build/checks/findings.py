"""What the rules find in one Dockerfile, in the order in which it is found."""

from collections.abc import Callable, Iterable

from scow.build.checks.rules import LintWarning
from scow.build.checks.settings import CheckSettings
from scow.build.dockerfile.source import Location


class Findings:
    """Everybody who looks at a Dockerfile says here what he has found; ``tell`` hears of what counts."""

    def __init__(
        self, settings: CheckSettings, tell: Callable[[LintWarning], None] = lambda warning: None
    ) -> None:
        self._settings = settings
        self._tell = tell
        self.warnings: list[LintWarning] = []

    def tell_to(self, tell: Callable[[LintWarning], None]) -> None:
        """From now on ``tell`` hears of them."""
        self._tell = tell

    def add(self, rule: str, message: str, location: Location, comments: Iterable[str] = ()) -> None:
        """``comments`` are those above the instruction that it was found at."""
        if self._settings.with_comments(comments).wants(rule):
            warning = LintWarning(rule, message, location)
            self.warnings.append(warning)
            self._tell(warning)

    @property
    def failure(self) -> str:
        """Why the build fails if nothing may be found, "" if it does not."""
        if not (self._settings.as_error and self.warnings):
            return ""
        rules = sorted({warning.rule for warning in self.warnings})
        return f"lint violation found for rules: {', '.join(rules)}"
