"""Rules on what stages begin as: what FROM says once its variables are filled in."""

from collections.abc import Mapping
from contextlib import suppress

from scow.build.checks.findings import Findings
from scow.build.dockerfile.flags import suggestion
from scow.build.dockerfile.instructions import Stage
from scow.build.evaluate.base import BaseImage
from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform, parse_platform
from scow.spec.shell_words import Lexing, expand

_TARGET_PLATFORM = "TARGETPLATFORM"


def check_from(
    stage: Stage, declared: set[str], values: Mapping[str, str | None], escape: str, findings: Findings
) -> None:
    """``declared`` are the arguments before the first FROM, ``values`` what they and the platform's are."""
    lexing = Lexing(escape=escape)
    _check_known(stage, stage.base, declared, values, lexing, findings)
    if stage.platform:
        _check_known(stage, stage.platform, declared, values, lexing, findings)
        _check_platform(stage, values, lexing, findings)


def check_image_platform(stage: Stage, base: BaseImage, wanted: Platform, findings: Findings) -> None:
    """Whether the image that was found is of the platform that it was wanted for."""
    config = base.config
    if config is None or not config.rootfs.diff_ids:
        return
    found = Platform(config.os, config.architecture, config.variant)
    if (found.os, found.architecture) != (wanted.os, wanted.architecture):
        what = f'Base image {stage.base} was pulled with platform "{found}", expected "{wanted}"'
        findings.add("InvalidBaseImagePlatform", f"{what} for current build", stage.location)


def _check_known(
    stage: Stage,
    text: str,
    declared: set[str],
    values: Mapping[str, str | None],
    lexing: Lexing,
    findings: Findings,
) -> None:
    known = declared | {name for name, value in values.items() if value is not None}
    for name in _unset_in(text, values, lexing):
        if name not in known:
            near = suggestion(name, sorted(known), folds_case=False)
            what = f"FROM argument '{name}' is not declared{near}"
            findings.add("UndefinedArgInFrom", what, stage.location, stage.comments)


def _check_platform(
    stage: Stage, values: Mapping[str, str | None], lexing: Lexing, findings: Findings
) -> None:
    names = _unset_in(stage.platform, {}, lexing)
    try:
        text = expand(stage.platform, values, lexing)
    except InvalidArgumentError:
        return  # who evaluates it says so
    if not names:
        _check_constant(stage, text, findings)
    elif names == [_TARGET_PLATFORM] and text == values.get(_TARGET_PLATFORM):
        what = (
            f"Setting platform to predefined {stage.platform} in FROM is redundant "
            "as this is the default behavior"
        )
        findings.add("RedundantTargetPlatform", what, stage.location, stage.comments)


def _check_constant(stage: Stage, text: str, findings: Findings) -> None:
    """A stage whose name says what it is for may be for one platform alone."""
    try:
        platform = parse_platform(text)
    except InvalidArgumentError:
        return
    if platform.os not in stage.name and platform.architecture not in stage.name:
        what = f'FROM --platform flag should not use constant value "{text}"'
        findings.add("FromPlatformFlagConstDisallowed", what, stage.location, stage.comments)


def _unset_in(text: str, values: Mapping[str, str | None], lexing: Lexing) -> list[str]:
    """The variables of a word that have no value, each once."""
    found: list[str] = []
    with suppress(InvalidArgumentError):
        expand(text, values, lexing, found.append)
    return list(dict.fromkeys(found))
