"""Where builds of this machine came from, as buildx stores it: ``buildx/refs/<builder>/<node>/<ref>``.

The engine knows a folder of the client's by no name, so the client remembers it.
"""

import os

from scow.api.client.json_text import dumps, loads
from scow.cli.building.context import STDIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.context import BuildContext

_FOLDER = "refs"
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_ref() -> str:
    """A name for a build: 25 letters and digits, as buildx makes them."""
    number = int.from_bytes(os.urandom(17))
    return "".join(_LETTERS[number // 36**place % 36] for place in range(25))


class LocalState:
    """Of one build. Paths are absolute; an address of a remote context stands for itself."""

    __slots__ = ("context", "dockerfile", "target")

    def __init__(self, target: str, context: str, dockerfile: str) -> None:
        self.target = target
        self.context = context
        self.dockerfile = dockerfile

    def document(self) -> dict[str, str]:
        """As it stands in the file."""
        return {"Target": self.target, "LocalPath": self.context, "DockerfilePath": self.dockerfile}


class LocalStates:
    """All of one person. ``folder`` is buildx's."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, _FOLDER)

    def save(self, place: tuple[str, str], ref: str, state: LocalState) -> None:
        """Of a build by builder and node. What cannot be written is not remembered."""
        folder = os.path.join(self._folder, *place)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            temporary = os.path.join(folder, f".{ref}.{os.getpid()}")
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(dumps(state.document(), compact=True))
            os.rename(temporary, os.path.join(folder, ref))
        except OSError:
            return

    def read(self, place: tuple[str, str], ref: str) -> LocalState | None:
        """None for a build of somebody else."""
        if "/" in ref:
            return None
        try:
            with open(os.path.join(self._folder, *place, ref), encoding="utf-8") as file:
                found = loads(file.read())
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict):
            return None
        texts = [str(found.get(name) or "") for name in ("Target", "LocalPath", "DockerfilePath")]
        return LocalState(*texts)

    def forget_builder(self, name: str) -> None:
        """All builds of one builder."""
        import shutil

        shutil.rmtree(os.path.join(self._folder, name), ignore_errors=True)


def state_of(context: "BuildContext", target: str = "default") -> LocalState:
    """Of a build from ``context``; ``target`` is bake's."""
    if context.address:
        return LocalState(target, context.address, context.dockerfile)
    if not context.folder:
        return LocalState(target, STDIN, context.dockerfile)
    dockerfile = STDIN if context.text is not None else os.path.join(context.folder, context.dockerfile)
    return LocalState(target, context.folder, dockerfile)
