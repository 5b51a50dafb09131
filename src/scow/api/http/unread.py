"""What a client has been sent and has not read yet: of Unix sockets the kernel tells (unix(7), SIOCOUTQ)."""

import asyncio
import fcntl
import socket
import sys
import termios

_LOOK_AGAIN_S = 0.001
_MOST_LOOKS = 250


async def wait_until_read(sock: socket.socket) -> None:
    """Until the peer has read everything, a quarter of a second at most. Of other sockets: not at all."""
    if sock.family != socket.AF_UNIX:
        return
    for _ in range(_MOST_LOOKS):
        if sock.fileno() < 0 or not _unread_bytes(sock.fileno()):
            return
        await asyncio.sleep(_LOOK_AGAIN_S)


def _unread_bytes(fd: int) -> int:
    # SIOCOUTQ is the same number as TIOCOUTQ, which Python has a name for.
    return int.from_bytes(fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
