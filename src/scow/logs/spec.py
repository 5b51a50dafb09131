"""How one container's output is to be logged: the checked outcome of its log options."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LogSpec:
    """A log for scow-shim to write. Every driver that needs one keeps a file; "none" has no spec."""

    path: str
    max_bytes: int = -1
    """Rotate at this size; -1: never."""
    max_files: int = 1
    compress: bool = False
    attributes: bytes = b""
    """A JSON object for every line, from labels, environment and tag; empty: none."""

    def to_message(self) -> dict[str, Any]:
        """Plain values, for the way to scow-shim."""
        return {
            "path": self.path,
            "max_bytes": self.max_bytes,
            "max_files": self.max_files,
            "compress": self.compress,
            "attributes": self.attributes,
        }
