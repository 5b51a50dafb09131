"""Log drivers as scow-shim sees them: something that takes output. Light: no asyncio, no dataclasses."""

from __future__ import annotations

from scow.logs.json_file import JsonFileWriter

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from typing import Any


def open_sink(spec: dict[str, Any], carry: dict[int, bytes]) -> JsonFileWriter:
    """Open the log that ``spec`` (``LogSpec.to_message``) describes; ``carry``: see ``JsonFileWriter``."""
    return JsonFileWriter(
        spec["path"],
        max_bytes=spec["max_bytes"],
        max_files=spec["max_files"],
        compress=spec["compress"],
        attributes=spec["attributes"],
        carry=carry,
    )
