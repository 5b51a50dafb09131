"""What is looked at before anything is built: the front end that a Dockerfile asks for, and build checks."""

from scow.build.dockerfile.lint import lint
from scow.build.dockerfile.lint_rules import LintWarning
from scow.build.dockerfile.parser import Dockerfile
from scow.build.evaluate.variables import platform_arguments
from scow.errors import UnsupportedError
from scow.spec.ignore_rules import IgnoreRules
from scow.spec.platform import Platform


def check_syntax(syntax: str) -> None:
    """``# syntax=``: Docker's own front end is built in. Raises UnsupportedError for any other."""
    name = syntax.removeprefix("docker.io/").partition("@")[0].partition(":")[0]
    if name not in ("", "docker/dockerfile", "docker/dockerfile-upstream"):
        raise UnsupportedError(f"front end {syntax} is not run here: docker/dockerfile is built in")


def lint_of(dockerfile: Dockerfile, platform: Platform, ignored: IgnoreRules) -> list[LintWarning]:
    """The build checks of a Dockerfile."""
    return lint(dockerfile, predefined=platform_arguments(platform, platform, ""), ignored=ignored)
