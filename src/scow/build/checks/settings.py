"""Which rules count: ``# check=…``, the build argument in its place, and comments above instructions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from scow.build.checks.rules import EXPERIMENTAL
from scow.errors import InvalidArgumentError
from scow.spec.go_bool import FALSE, TRUE

BUILD_ARGUMENT = "BUILDKIT_DOCKERFILE_CHECK"
"""What the build says takes the place of what the Dockerfile says."""
_ALL = "all"
_MOST_PARTS = 3
_IN_COMMENT = re.compile(r"check\s*=\s*(\S+)(?:\s.*)?", re.I)


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """``skipped`` and ``experimental`` have names of rules. ``as_error``: what is found fails a build."""

    skips_all: bool = False
    skipped: frozenset[str] = frozenset()
    all_experimental: bool = False
    experimental: frozenset[str] = frozenset()
    as_error: bool = False

    def wants(self, rule: str) -> bool:
        """Whether a rule counts. Those that are asked for by name cannot be left out."""
        if rule in EXPERIMENTAL:
            return self.all_experimental or rule in self.experimental
        return not (self.skips_all or rule in self.skipped)

    def with_comments(self, comments: Iterable[str]) -> "CheckSettings":
        """For an instruction below ``comments``: the first ``check=…`` of them says more, if it is right."""
        for comment in comments:
            if (match := _IN_COMMENT.fullmatch(comment.strip())) is None:
                continue
            try:
                more = read_check_settings(match[1])
            except InvalidArgumentError:
                return self
            return replace(
                self,
                skips_all=self.skips_all or more.skips_all,
                skipped=self.skipped | more.skipped,
                all_experimental=self.all_experimental or more.all_experimental,
                experimental=self.experimental | more.experimental,
            )
        return self


def read_check_settings(text: str) -> CheckSettings:
    """``skip=Rule,Rule;error=true;experimental=all``. Raises InvalidArgumentError in BuildKit's words."""
    found = CheckSettings()
    for part in text.strip().split(";", _MOST_PARTS - 1) if text.strip() else ():
        key, equals, value = part.partition("=")
        key, value = key.strip(), value.strip()
        if not equals:
            raise InvalidArgumentError(f'invalid check option "{part}"')
        if key == "skip":
            every = value == _ALL
            found = replace(
                found,
                skips_all=found.skips_all or every,
                skipped=found.skipped if every else _names(value),
            )
        elif key == "experimental":
            every = value == _ALL
            found = replace(
                found,
                all_experimental=found.all_experimental or every,
                experimental=found.experimental if every else _names(value),
            )
        elif key == "error":
            found = replace(found, as_error=_boolean(part, value))
        else:
            raise InvalidArgumentError(f'invalid check option "{key}"')
    return found


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))


def _boolean(part: str, value: str) -> bool:
    if value not in TRUE | FALSE:
        why = f'strconv.ParseBool: parsing "{value}": invalid syntax'
        raise InvalidArgumentError(f'failed to parse check option "{part}": {why}')
    return value in TRUE
