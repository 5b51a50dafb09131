"""All rules on one Dockerfile: on its text at first, then on each stage as it is evaluated."""

from collections.abc import Mapping

from scow.build.checks.bases import check_from, check_image_platform
from scow.build.checks.findings import Findings
from scow.build.checks.settings import BUILD_ARGUMENT, CheckSettings, read_check_settings
from scow.build.checks.steps import StepChecks
from scow.build.checks.text import check_default_bases, check_stages, check_statements
from scow.build.dockerfile.instructions import Stage
from scow.build.dockerfile.parser import Dockerfile
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.variables import Scope
from scow.errors import InvalidArgumentError
from scow.spec.ignore_rules import IgnoreRules
from scow.spec.platform import Platform


class DockerfileChecks:
    """See ``scow.build.evaluate.observing.Observer``. ``ignored`` are the rules of the context."""

    def __init__(self, dockerfile: Dockerfile, findings: Findings) -> None:
        self._dockerfile = dockerfile
        self._findings = findings
        self._steps: dict[int, StepChecks] = {}
        self._declared = {name for argument in dockerfile.arguments for name, _ in argument.arguments}
        self.ignored = IgnoreRules()

    def check_text(self, predefined: Mapping[str, str]) -> None:
        """``predefined`` are arguments that need no ARG before the first FROM."""
        check_statements(self._dockerfile.statements, self._findings)
        check_stages(self._dockerfile, self._findings)
        check_default_bases(self._dockerfile, predefined, self._findings)

    def check_from(self, stage: Stage, scope: Scope) -> None:
        """What its FROM says."""
        check_from(stage, self._declared, scope.arguments, scope.escape, self._findings)

    def check_image(self, stage: Stage, base: BaseImage, wanted: Platform) -> None:
        """The image that it begins as."""
        check_image_platform(stage, base, wanted, self._findings)

    def steps_of(self, index: int, continues: int | None) -> StepChecks:
        """A stage that begins as another has its working directory, too."""
        before = self._steps.get(continues) if continues is not None else None
        is_set = before is not None and before.workdir_is_set
        self._steps[index] = StepChecks(self._findings, self.ignored, workdir_is_set=is_set)
        return self._steps[index]


def settings_of(directive: str, build_arguments: Mapping[str, str]) -> CheckSettings:
    """What the build says, or else the Dockerfile. Raises InvalidArgumentError in BuildKit's words."""
    text = build_arguments.get(BUILD_ARGUMENT)
    where = "check options" if text is None else f"build-arg:{BUILD_ARGUMENT}"
    try:
        return read_check_settings(directive if text is None else text)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"failed to parse {where}: {exc.message}") from exc
