"""Work of this program itself, shown as a step of a build is."""

import base64
import time

from scow.spec.digest import sha256_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.modern import Display


class ShownWork:
    """One step, from ``with`` to the end of the block; an exception is its failure."""

    def __init__(self, display: "Display", name: str) -> None:
        self._display = display
        self._name = name
        self._digest = sha256_of(name.encode())
        self._started_ns = 0

    def __enter__(self) -> "ShownWork":
        self._started_ns = time.time_ns()
        self._show()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._show(completed_ns=time.time_ns(), error=str(error) if error is not None else "")

    def log(self, line: str) -> None:
        """What is being done."""
        data = base64.b64encode(f"{line}\n".encode()).decode()
        event = {"digest": self._digest, "stream": 1, "data": data, "at_ns": time.time_ns()}
        self._display.show("output", event)

    def _show(self, **state: object) -> None:
        vertex = {"digest": self._digest, "name": self._name, "started_ns": self._started_ns}
        self._display.show("vertex", {**vertex, **state})
