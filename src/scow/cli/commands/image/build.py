"""``scow build``."""

from scow.api.client.errors import DaemonError
from scow.cli.builders import use_builder
from scow.cli.building.checks import print_checked
from scow.cli.building.classic import build_classic
from scow.cli.building.context import find_context
from scow.cli.building.flags import FLAGS
from scow.cli.building.modern import BuildFailedError, asked_by, build_modern
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
    text = invocation.environ.get("DOCKER_BUILDKIT", "")
    if text not in ("", "0", "1", "true", "false"):
        raise CommandError(f'DOCKER_BUILDKIT environment variable expects boolean value: "{text}"')
    return text in ("0", "false")


def _report(invocation: "Invocation", flags: "Flags", result: "dict[str, Any]") -> None:
    warnings = result.pop("warnings", [])
    if flags["quiet"] and result.get("containerimage.digest"):
        invocation.out.line(result["containerimage.digest"])
    call, written_as = asked_by(flags)
    if call in ("outline", "targets"):
        invocation.out.write(result["result.json"] + "\n" if written_as == "json" else result["result.txt"])
    elif call == "check":
        print_checked(invocation.out, warnings)
        if warnings:
            raise CommandError("", 1)
    elif warnings and not flags["quiet"]:
        count = len(warnings)
        invocation.err.line(
            f"\n {count} warning{'s' if count > 1 else ''} found (use --check to see details):"
        )
        for warning in warnings:
            invocation.err.line(f" - {warning['short']}")
    explained = result.pop("explained", [])
    for line in explained if flags["explain"] else ():
        invocation.err.line(line)


def _write_files(flags: "Flags", result: "dict[str, Any]") -> None:
    image_id = str(result.get("containerimage.config.digest") or result.get("containerimage.digest") or "")
    if flags["iidfile"] and image_id:
        _write(flags["iidfile"], image_id)
    if flags["metadata-file"]:
        _write(flags["metadata-file"], _metadata(result))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _metadata(result: "dict[str, Any]") -> str:
    """What the engine gives as base64 of JSON is there as buildx writes it: the document itself."""
    import json

    found = {key: _document(value) for key, value in sorted(result.items())}
    return json.dumps(found, indent=2) + "\n"


def _document(value: "Any") -> "Any":
    import base64
    import json

    try:
        found = json.loads(base64.b64decode(value, validate=True))
    except (ValueError, TypeError):
        return value
    return found if isinstance(found, dict) else value


COMMAND = Command(
    run,
    "[OPTIONS] PATH | URL | -",
    "Start a build",
    flags=FLAGS,
    arguments=exactly(1),
    spellings=("image build", "build", "buildx build", "builder build"),
)
