"""Frames that carry stdout and stderr in one stream (Engine API, "Stream format").

[stream, 0, 0, 0, length as 32 bits big-endian] payload
"""

import struct

STDIN, STDOUT, STDERR = 0, 1, 2

HEADER = struct.Struct(">BxxxL")


def frame(stream: int, payload: bytes) -> bytes:
    """``payload`` with its header."""
    return HEADER.pack(stream, len(payload)) + payload
