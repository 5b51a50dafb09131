"""Definitions that are elsewhere: in a repository, in an archive, or a file by itself at an address.

The engine fetches them, by a build whose result is nothing but the files. What targets then name by a path is
below the address, unless the definition was a file by itself; ``cwd://`` means this machine.
"""

import json
import os
import tempfile

from scow.cli.bake.hcl_nodes import Source
from scow.cli.bake.reading import DEFAULT_FILES, read_files
from scow.cli.building.context import BuildContext
from scow.cli.building.flags import FLAGS
from scow.cli.building.modern import build_modern
from scow.cli.exits import CommandError
from scow.cli.parser import parse_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scow.cli.bake.fields import Fields
    from scow.cli.bake.plan import Plan
    from scow.cli.building.modern import Display
    from scow.cli.invocation import Invocation

HERE = "cwd://"
_ADDRESSES = ("http://", "https://", "git://", "ssh://", "git@", "github.com/")
_NOT_PATHS = (*_ADDRESSES, HERE, "target:", "docker-image:", "oci-layout:")
_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_NAME = "definitions"
_MAX_FILE_BYTES = 512 << 10  # as much as buildx takes of a file by itself
_TOKEN, _AGENT = "BUILDX_BAKE_GIT_AUTH_TOKEN", "BUILDX_BAKE_GIT_SSH"


class RemoteDefinitions:
    """Those at ``address``. ``sources`` are the files; ``is_context``: paths are below the address."""

    def __init__(self, address: str, sources: list[Source], *, is_context: bool) -> None:
        self.address = address
        self.sources = sources
        self.is_context = is_context

    def place(self, plan: "Plan") -> None:
        """Let the targets mean what is at the address. Raises CommandError."""
        if not self.is_context:
            return
        for fields in plan.targets.values():
            self._place(fields)

    def _place(self, fields: "Fields") -> None:
        fields["context"] = self._placed(fields["context"])
        if contexts := fields.get("contexts"):
            fields["contexts"] = {name: self._placed(value) for name, value in contexts.items()}

    def _placed(self, path: str) -> str:
        return path if path.startswith(_NOT_PATHS) else below(self.address, path)


def take_addresses(words: "Sequence[str]") -> tuple[str, str, list[str]]:
    """Where the definitions are, what their ``BAKE_CMD_CONTEXT`` is, and the targets."""
    rest = list(words)
    address = rest.pop(0) if rest and rest[0].startswith(_ADDRESSES) else ""
    context = rest.pop(0) if address and rest and rest[0].startswith(_ADDRESSES) else HERE
    return address, context, rest


def fetch(
    invocation: "Invocation", address: str, names: "Sequence[str]", display: "Display"
) -> RemoteDefinitions:
    """The files ``names``, or those of the usual names that are there. Raises CommandError."""
    here = [name.removeprefix(HERE) for name in names if name.startswith(HERE)]
    wanted = [name for name in names if not name.startswith(HERE)]
    local = read_files(here) if here else []
    with tempfile.TemporaryDirectory(prefix="scow-bake-") as folder:
        if not _is_repository(address):
            _build(invocation, f"FROM scratch\nADD {json.dumps([address, '/file'])}\n", folder, [], display)
            data = _read(os.path.join(folder, "file"))
            if not (data.startswith(_ARCHIVES) or data[257:262] == b"ustar"):
                return RemoteDefinitions(address, [_source(address, data), *local], is_context=False)
        # A pattern may match nothing: a usual name need not be there.
        patterns = wanted or [f"[{name[0]}]{name[1:]}" for name in DEFAULT_FILES]
        copy = f"COPY --parents --from={_NAME} {json.dumps([*patterns, '/all/'])}\n"
        context = [f"--build-context={_NAME}={address}"]
        _build(invocation, f"FROM scratch\n{copy}", folder, context, display)
        found = [
            _source(name, _read(path))
            for name in wanted or DEFAULT_FILES
            if os.path.exists(path := os.path.join(folder, "all", name))
        ]
    if not found and not local:
        raise CommandError("ERROR: couldn't find a bake definition")
    return RemoteDefinitions(address, [*found, *local], is_context=True)


def _build(
    invocation: "Invocation", dockerfile: str, folder: str, words: list[str], display: "Display"
) -> None:
    if invocation.environ.get(_TOKEN):
        words = [*words, f"--secret=id=GIT_AUTH_TOKEN,env={_TOKEN}"]
    if agent := invocation.environ.get(_AGENT):
        words = [*words, f"--ssh=default={agent}"]
    flags = parse_flags(FLAGS, [*words, f"--output=type=local,dest={folder}"])
    build_modern(invocation, flags, BuildContext(text=dockerfile.encode()), _Kept(display))


class _Kept:
    """A display that goes on after one build."""

    def __init__(self, display: "Display") -> None:
        self._display = display
        self.steps = display.steps
        self.show = display.show

    def close(self) -> None:
        """More is to come."""


def _is_repository(address: str) -> bool:
    path = address.partition("#")[0].partition("?")[0]
    return not address.startswith(("http://", "https://")) or path.endswith(".git")


def below(address: str, path: str) -> str:
    """A folder of what is at ``address``. Raises CommandError where there is no way to say that."""
    if path == ".":
        return address
    if not _is_repository(address):
        raise CommandError(f"ERROR: {path} of {address}: folders of archives cannot be contexts")
    repository, _, fragment = address.partition("#")
    reference, _, folder = fragment.partition(":")
    return f"{repository}#{reference}:{os.path.normpath(os.path.join(folder, path)).lstrip('/')}"


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(_MAX_FILE_BYTES + 1)


def _source(name: str, data: bytes) -> Source:
    if len(data) > _MAX_FILE_BYTES:
        raise CommandError(f"ERROR: {name} is larger than {_MAX_FILE_BYTES} bytes")
    return Source(name, data.decode("utf-8", "replace"))
