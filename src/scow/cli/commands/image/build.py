"""``scow build``."""

import os

from scow.api.client.errors import DaemonError
from scow.cli.builders import use_builder
from scow.cli.building.calls import BUILD
from scow.cli.building.checks import print_answer, told_warnings
from scow.cli.building.classic import build_classic
from scow.cli.building.context import find_context
from scow.cli.building.flags import FLAGS
from scow.cli.building.modern import BuildFailedError, build_modern
from scow.cli.building.request import asked_by
from scow.cli.command import Command, exactly
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_DEPRECATED = """\
DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0
            environment-variable.
"""


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Builds an image, or whatever ``--output`` asks for."""

    def enter(failed: BuildFailedError) -> None:
        from scow.cli.building.debugging import open_shell

        open_shell(invocation, failed)

    build(invocation, flags, enter)


def build(
    invocation: "Invocation", flags: "Flags", enter: "Callable[[BuildFailedError], None]"
) -> "dict[str, Any]":
    """What it came to. ``enter`` is called where a step has failed and somebody wants to look at it."""
    use_builder(invocation, flags["builder"])
    if flags["iidfile"] and os.path.isfile(flags["iidfile"]):
        os.unlink(flags["iidfile"])  # a failure must not leave that of an earlier build
    context = find_context(flags.arguments[0], flags["file"])
    result: dict[str, Any] = {}
    if _wants_classic(invocation):
        if not flags["quiet"]:
            invocation.err.line(_DEPRECATED)
        result["containerimage.digest"] = build_classic(invocation, flags, context)
    else:
        try:
            result = build_modern(invocation, flags, context)
        except DaemonError as exc:
            if exc.status != 404:
                raise
            # An engine of another kind: the classic builder is what all have.
            result["containerimage.digest"] = build_classic(invocation, flags, context)
        except BuildFailedError as exc:
            if exc.left_image:
                enter(exc)
            raise
        else:
            _report(invocation, flags, result)
    _write_files(flags, result)
    return result


def _wants_classic(invocation: "Invocation") -> bool:
    """Never as a verb of buildx, which has the one builder only."""
    if invocation.command_name.startswith("buildx"):
        return False
    text = invocation.environ.get("DOCKER_BUILDKIT", "")
    if text not in ("", "0", "1", "true", "false"):
        raise CommandError(f'DOCKER_BUILDKIT environment variable expects boolean value: "{text}"')
    return text in ("0", "false")


def _report(invocation: "Invocation", flags: "Flags", result: "dict[str, Any]") -> None:
    warnings = result.pop("warnings", [])
    call = asked_by(flags)
    if flags["metadata-file"] and warnings and call.name == BUILD:
        from scow.cli.building.metadata import WARNINGS, wants_warnings, warnings_as_metadata

        if wants_warnings(invocation.environ):
            result[WARNINGS] = warnings_as_metadata(warnings)
    if flags["quiet"] and result.get("containerimage.digest"):
        invocation.out.line(result["containerimage.digest"])
    if call.name != BUILD:
        if code := print_answer(invocation.out, call, result):
            raise CommandError("", code)
    elif warnings and not flags["quiet"]:
        for line in told_warnings(warnings):
            invocation.err.line(line)
    explained = result.pop("explained", [])
    for line in explained if flags["explain"] else ():
        invocation.err.line(line)


def _write_files(flags: "Flags", result: "dict[str, Any]") -> None:
    image_id = str(result.get("containerimage.config.digest") or result.get("containerimage.digest") or "")
    if flags["iidfile"] and image_id:
        with open(flags["iidfile"], "w", encoding="utf-8") as file:
            file.write(image_id)
    if flags["metadata-file"]:
        from scow.cli.building.metadata import decoded, write_metadata

        write_metadata(flags["metadata-file"], decoded(result))


COMMAND = Command(
    run,
    "[OPTIONS] PATH | URL | -",
    "Start a build",
    flags=FLAGS,
    arguments=exactly(1),
    spellings=("image build", "build", "buildx build", "builder build"),
)
