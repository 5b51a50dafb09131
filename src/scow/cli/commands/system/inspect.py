"""``scow inspect``: any object, by trying the kinds that a name could be of."""

from scow.api.client.client import object_path
from scow.api.client.errors import DaemonError
from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.go_values import quote
from scow.cli.inspecting import inspect_each
from scow.cli.listing import INSPECT_FORMAT_HELP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_KINDS = ("container", "image", "network", "volume")
_ALL_KINDS = (
    "config",
    "container",
    "image",
    "network",
    "node",
    "plugin",
    "secret",
    "service",
    "task",
    "volume",
)
_NOT_FOUND = 404
# Errors by which Docker's client knows, having only their text, that another kind may still match.
_SKIPPED_TEXTS = ("not supported", "invalid reference format")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints everything that the engine knows of objects, whatever they are."""
    kind = flags["type"]
    if kind and kind not in _ALL_KINDS:
        raise CommandError(f'unknown type: {quote(kind)}: must be one of "{_alternatives()}"')
    if not kind and "type" in flags.changed:
        raise CommandError(f'type is empty: must be one of "{_alternatives()}"')
    kinds = (kind,) if kind else _KINDS

    def fetch(ref: str) -> "tuple[str, dict[str, Any]]":
        for candidate in kinds:
            try:
                found = invocation.client.get(*_request(candidate, ref, with_size=flags["size"]))
            except DaemonError as exc:
                if kind or not _may_be_another_kind(exc):
                    raise
                continue
            if flags["size"] and candidate != "container":
                invocation.err.line("WARNING: --size ignored for", candidate)
            return candidate, found
        raise CommandError(f"Error: No such object: {ref}")

    inspect_each(invocation, flags.arguments, flags["format"], fetch)


def _alternatives() -> str:
    return '", "'.join(_ALL_KINDS)


def _request(kind: str, ref: str, *, with_size: bool) -> tuple[str, list[tuple[str, str]]]:
    if kind in ("container", "image"):
        query = [("size", "1")] if with_size and kind == "container" else []
        return object_path(kind, ref, "json"), query
    return object_path(kind, ref), []


def _may_be_another_kind(exc: DaemonError) -> bool:
    return exc.status == _NOT_FOUND or any(text in exc.reason for text in _SKIPPED_TEXTS)


COMMAND = Command(
    run,
    "[OPTIONS] NAME|ID [NAME|ID...]",
    "Return low-level information on Docker objects",
    flags=(
        Flag("format", STRING, INSPECT_FORMAT_HELP, short="f"),
        Flag("type", STRING, "Only inspect objects of the given type"),
        Flag("size", BOOL, "Display total file sizes if the type is container", short="s"),
    ),
    arguments=at_least(1),
)
