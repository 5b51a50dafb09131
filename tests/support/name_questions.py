"""Questions to the name server of a container, asked inside its network: ``ask(client, "web", "db")``."""

import json
import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

A, PTR, AAAA = 1, 12, 28


@dataclass(frozen=True)
class Found:
    """``code`` is the response code; ``addresses`` are of both families; ``names`` of PTR answers."""

    code: int
    truncated: bool
    addresses: list[str]
    names: list[str]


def ask(client: Any, container: str, name: str, kind: int = A, *, tcp: bool = False) -> Found:
    """What 127.0.0.11 answers ``container``."""
    return ask_often(client, container, name, kind, tcp=tcp)[0]


def ask_often(
    client: Any, container: str, name: str, kind: int = A, *, tcp: bool = False, times: int = 1
) -> list[Found]:
    """The same question several times."""
    pid = client.inspect(container, "{{.State.Pid}}")
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-m", __name__]
    done = client.daemon.namespace.run(*command, name, str(kind), "tcp" if tcp else "udp", str(times))
    assert done.returncode == 0, done.stderr
    return [Found(**json.loads(line)) for line in done.stdout.splitlines()]


def main(name: str, kind: str, protocol: str, times: str) -> None:
    """In the container's network: ask, and print the answers as lines of JSON."""
    for _ in range(int(times)):
        _ask(name, kind, protocol)


def _ask(name: str, kind: str, protocol: str) -> None:
    question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + _name(name) + struct.pack("!2H", int(kind), 1)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(60)
        sock.connect(("127.0.0.11", 53))
        if protocol == "tcp":
            sock.sendall(len(question).to_bytes(2, "big") + question)
            file = sock.makefile("rb")
            data = file.read(int.from_bytes(file.read(2), "big"))
        else:
            sock.send(question)
            data = sock.recv(65535)
    print(json.dumps(_read(data, len(question))))


def _name(text: str) -> bytes:
    return b"".join(bytes((len(it),)) + it.encode() for it in text.split(".")) + b"\0"


def _read(data: bytes, at: int) -> dict[str, object]:
    _, flags, _, count, _, _ = struct.unpack_from("!6H", data)
    addresses, names = [], []
    for _ in range(count):
        _, at = _read_name(data, at)
        kind, _, _, size = struct.unpack_from("!2HIH", data, at)
        at += 10
        if kind in (A, AAAA):
            addresses.append(str(ip_address(data[at : at + size])))
        elif kind == PTR:
            names.append(_read_name(data, at)[0])
        at += size
    return {
        "code": flags & 15,
        "truncated": bool(flags & 0x0200),
        "addresses": addresses,
        "names": names,
    }


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    while size := data[at]:
        if size & 0xC0:
            rest, _ = _read_name(data, (size & 0x3F) << 8 | data[at + 1])
            return ".".join([*labels, rest]), at + 2
        labels.append(data[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return ".".join(labels), at + 1


if __name__ == "__main__":
    main(*sys.argv[1:])
