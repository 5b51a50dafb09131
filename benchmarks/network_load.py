"""What runs inside a network namespace: ``python -m benchmarks.network_load echo|ping|lookups ARGUMENT...``.

Standard library only; ``ping`` and ``lookups`` print one number.
"""

import socket
import struct
import sys
import time

_WARM_UP = 200
_ROUND_TRIPS = 4000
_LOOKUPS = 1000
_NAME_SERVER = ("127.0.0.11", 53)
_TIMEOUT_S = 5.0


def echo(port: int) -> None:
    """Send back what one client after another sends."""
    with socket.create_server(("", port)) as listener:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := connection.recv(64):
                connection.send(data)


def ping(host: str, port: int) -> float:
    """Microseconds in which a byte comes back, the mean of many."""
    with socket.create_connection((host, port), _TIMEOUT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(_WARM_UP):
            _round_trip(connection)
        began = time.perf_counter()
        for _ in range(_ROUND_TRIPS):
            _round_trip(connection)
        return (time.perf_counter() - began) / _ROUND_TRIPS * 1e6


def _round_trip(connection: socket.socket) -> None:
    connection.send(b"x")
    if connection.recv(1) != b"x":
        raise SystemExit("the echo ended")


def lookups(name: str, address: str) -> float:
    """Seconds of a thousand lookups over UDP, each answered with ``address``."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_TIMEOUT_S)
        sock.connect(_NAME_SERVER)
        began = time.perf_counter()
        for number in range(_LOOKUPS):
            sock.send(struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question)
            if socket.inet_aton(address) not in sock.recv(512):
                raise SystemExit(f"lookup {number}: another answer")
        return time.perf_counter() - began


def main() -> None:
    what, *arguments = sys.argv[1:]
    if what == "echo":
        echo(int(arguments[0]))
    elif what == "ping":
        print(ping(arguments[0], int(arguments[1])))
    else:
        print(lookups(*arguments))


if __name__ == "__main__":
    main()
