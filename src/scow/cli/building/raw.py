"""Progress for programs: one JSON value a line, as BuildKit's clients write it."""

import json

from scow.cli.building.plain import QuietProgress
from scow.cli.building.status_values import solve_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class RawProgress(QuietProgress):
    """See the module."""

    def show(self, kind: str, event: "dict[str, Any]") -> None:
        super().show(kind, event)
        self._out.line(json.dumps(solve_status(kind, event), separators=(",", ":")))
