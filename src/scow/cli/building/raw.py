"""Progress as it came: one JSON value a line, for programs."""

import json

from scow.cli.building.plain import QuietProgress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class RawProgress(QuietProgress):
    """See the module."""

    def show(self, kind: str, event: "dict[str, Any]") -> None:
        super().show(kind, event)
        self._out.line(json.dumps({kind: event}))
