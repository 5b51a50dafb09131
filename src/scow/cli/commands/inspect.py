"""``scow inspect``: any object, by trying the kinds that a name could be of, or one of a known kind."""

from scow.api.client.client import object_path
from scow.api.client.errors import DaemonError
from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.go_values import quote
from scow.cli.inspecting import inspect_each
from scow.cli.listing import INSPECT_FORMAT_HELP
from scow.cli.options.platforms import platform_query

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


def inspect_any(invocation: "Invocation", flags: "Flags") -> None:
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
                query = [("size", "1")] if flags["size"] and candidate == "container" else []
                found = invocation.client.get(_path(candidate, ref), query)
            except DaemonError as exc:
                if kind or not _may_be_another_kind(exc):
                    raise
                continue
            if flags["size"] and candidate != "container":
                invocation.err.line("WARNING: --size ignored for", candidate)
            return candidate, found
        raise CommandError(f"Error: No such object: {ref}")

    inspect_each(invocation, flags.arguments, flags["format"], fetch)


def inspect_container(invocation: "Invocation", flags: "Flags") -> None:
    """Prints everything that the engine knows of containers."""
    _inspect_kind(invocation, flags, "container", [("size", "1")] if flags["size"] else [])


def inspect_image(invocation: "Invocation", flags: "Flags") -> None:
    """Prints everything that the engine knows of images."""
    _inspect_kind(invocation, flags, "image", platform_query(flags["platform"]))


def inspect_network(invocation: "Invocation", flags: "Flags") -> None:
    """Prints everything that the engine knows of networks."""
    _inspect_kind(invocation, flags, "network", [("verbose", "true")] if flags["verbose"] else [])


def inspect_volume(invocation: "Invocation", flags: "Flags") -> None:
    """Prints everything that the engine knows of volumes."""
    _inspect_kind(invocation, flags, "volume", [], typed_only=True)


def _inspect_kind(
    invocation: "Invocation",
    flags: "Flags",
    kind: str,
    query: list[tuple[str, str]],
    *,
    typed_only: bool = False,
) -> None:
    def fetch(ref: str) -> "tuple[str, dict[str, Any]]":
        return kind, invocation.client.get(_path(kind, ref), query)

    inspect_each(invocation, flags.arguments, flags["format"], fetch, typed_only=typed_only)


def _path(kind: str, ref: str) -> str:
    return object_path(kind, ref, "json") if kind in ("container", "image") else object_path(kind, ref)


def _alternatives() -> str:
    return '", "'.join(_ALL_KINDS)


def _may_be_another_kind(exc: DaemonError) -> bool:
    return exc.status == _NOT_FOUND or any(text in exc.reason for text in _SKIPPED_TEXTS)


_FORMAT = Flag("format", STRING, INSPECT_FORMAT_HELP, short="f")

ANY = Command(
    inspect_any,
    "[OPTIONS] NAME|ID [NAME|ID...]",
    "Return low-level information on Docker objects",
    flags=(
        _FORMAT,
        Flag("type", STRING, "Only inspect objects of the given type"),
        Flag("size", BOOL, "Display total file sizes if the type is container", short="s"),
    ),
    arguments=at_least(1),
)
CONTAINER = Command(
    inspect_container,
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Display detailed information on one or more containers",
    flags=(_FORMAT, Flag("size", BOOL, "Display total file sizes", short="s")),
    arguments=at_least(1),
)
IMAGE = Command(
    inspect_image,
    "[OPTIONS] IMAGE [IMAGE...]",
    "Display detailed information on one or more images",
    flags=(
        _FORMAT,
        Flag(
            "platform",
            STRING,
            "Inspect a specific platform of the multi-platform image.\n"
            "If the image or the server is not multi-platform capable, the command will error out if the "
            "platform does not match.\n"
            "'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
            since="1.49",
        ),
    ),
    arguments=at_least(1),
)
NETWORK = Command(
    inspect_network,
    "[OPTIONS] NETWORK [NETWORK...]",
    "Display detailed information on one or more networks",
    flags=(_FORMAT, Flag("verbose", BOOL, "Verbose output for diagnostics", short="v")),
    arguments=at_least(1),
)
VOLUME = Command(
    inspect_volume,
    "[OPTIONS] VOLUME [VOLUME...]",
    "Display detailed information on one or more volumes",
    flags=(_FORMAT,),
    arguments=at_least(1),
)
