"""Where builds of this machine came from, as buildx stores it: ``buildx/refs/<builder>/<node>/<ref>``.

What one run of bake builds is in ``buildx/refs/__group__/<ref>``.

The engine knows a folder of the client's by no name, so the client remembers it.
"""

import os

from scow.api.client.json_text import dumps, loads
from scow.cli.building.context import STDIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.context import BuildContext

_FOLDER = "refs"
_GROUPS = "__group__"
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_ref() -> str:
    """A name for a build: 25 letters and digits, as buildx makes them."""
    number = int.from_bytes(os.urandom(17))
    return "".join(_LETTERS[number // 36**place % 36] for place in range(25))


class Member:
    """What a build is in one run of bake; one by itself is of no ``group``. ``ref`` is its record's name."""

    __slots__ = ("group", "ref", "target")

    def __init__(self, target: str = "default", group: str = "") -> None:
        self.target = target
        self.group = group
        self.ref = new_ref()


class LocalState:
    """Of one build. Paths are absolute; an address of a remote context stands for itself.

    ``group`` is the name of all that one run of bake builds, empty for a build by itself.
    """

    __slots__ = ("context", "dockerfile", "group", "target")

    def __init__(self, target: str, context: str, dockerfile: str, group: str = "") -> None:
        self.target = target
        self.context = context
        self.dockerfile = dockerfile
        self.group = group

    def document(self) -> dict[str, str]:
        """As it stands in the file."""
        found = {"Target": self.target, "LocalPath": self.context, "DockerfilePath": self.dockerfile}
        return found | ({"GroupRef": self.group} if self.group else {})


class LocalStates:
    """All of one person. ``folder`` is buildx's."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, _FOLDER)

    def save(self, place: tuple[str, str], ref: str, state: LocalState) -> None:
        """Of a build by builder and node. What cannot be written is not remembered."""
        self._write(place, ref, state.document())

    def save_group(self, group: str, targets: list[str], refs: list[str]) -> None:
        """What one run of bake builds: the targets it was asked for, and the builds."""
        found: dict[str, list[str]] = {"Targets": targets} if targets else {}
        self._write((_GROUPS,), group, found | {"Refs": refs})

    def _write(self, place: tuple[str, ...], name: str, document: object) -> None:
        folder = os.path.join(self._folder, *place)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            temporary = os.path.join(folder, f".{name}.{os.getpid()}")
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(dumps(document, compact=True))
            os.rename(temporary, os.path.join(folder, name))
        except OSError:
            return

    def read(self, place: tuple[str, str], ref: str) -> LocalState | None:
        """None for a build of somebody else."""
        found = self._read(place, ref) if "/" not in ref else None
        if found is None:
            return None
        names = ("Target", "LocalPath", "DockerfilePath", "GroupRef")
        return LocalState(*(str(found.get(name) or "") for name in names))

    def _read(self, place: tuple[str, ...], name: str) -> dict[str, object] | None:
        try:
            with open(os.path.join(self._folder, *place, name), encoding="utf-8") as file:
                found = loads(file.read())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def forget_builder(self, name: str) -> None:
        """All builds of one builder, and the groups that have no others."""
        import shutil

        for node in _entries(os.path.join(self._folder, name)):
            self.forget_node(name, node)
        shutil.rmtree(os.path.join(self._folder, name), ignore_errors=True)

    def forget_node(self, name: str, node: str) -> None:
        """All builds of one node of a builder."""
        import contextlib
        import shutil

        folder = os.path.join(self._folder, name, node)
        known: dict[str, int] = {}
        for ref in _entries(folder):
            if (state := self.read((name, node), ref)) is not None and state.group:
                known[state.group] = known.get(state.group, 0) + 1
        for group, count in known.items():
            refs = (self._read((_GROUPS,), group) or {}).get("Refs")
            if isinstance(refs, list) and len(refs) <= count:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self._folder, _GROUPS, group))
        shutil.rmtree(folder, ignore_errors=True)


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def state_of(context: "BuildContext", member: Member) -> LocalState:
    """Of a build from ``context``."""
    place, dockerfile = context.folder or STDIN, context.path or context.dockerfile
    if context.address:
        from scow.spec.redaction import redacted

        place = redacted(context.address)
    elif context.folder:
        dockerfile = context.path or STDIN
    return LocalState(member.target, place, dockerfile, member.group)
