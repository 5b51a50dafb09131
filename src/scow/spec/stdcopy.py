"""Frames that carry stdout and stderr in one stream (Engine API, "Stream format").

[stream, 0, 0, 0, length as 32 bits big-endian] payload
"""

import struct
from typing import Final

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2

HEADER: Final = struct.Struct(">BxxxL")


def frame(stream: int, payload: bytes) -> bytes:
    """``payload`` with its header."""
    return HEADER.pack(stream, len(payload)) + payload
