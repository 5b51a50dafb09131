"""Netlink: framing, attributes, and a socket that sends requests and waits for the kernel's answers.

    datagram  = message, message, …              each padded to 4 bytes
    message   = nlmsghdr (length, type, flags, sequence, port), payload
    payload   = family header, attribute, …
    attribute = nlattr (length, type), data      padded to 4 bytes

Several requests go out in one datagram; the kernel works through all of them, also after one was refused,
and acknowledges each (netlink(7), include/uapi/linux/netlink.h). Numbers are in host byte order, which
``struct`` calls "=".

A socket belongs to the network namespace that its thread was in when it was opened, and to one user at a
time: it has no lock.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from scow.linux.syscalls import FilterInstruction, attach_filter

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

NLM_F_REQUEST = 0x001
NLM_F_ACK = 0x004
NLM_F_DUMP_INTR = 0x010
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400

NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

NFGENMSG_BYTES = 4
_NFGENMSG = struct.Struct("=BBH")  # family, version, resource
_NFNL_MSG_BATCH_BEGIN, _NFNL_MSG_BATCH_END = 0x10, 0x11

_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_SOL_NETLINK = 270
_NETLINK_ADD_MEMBERSHIP = 1
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NLM_F_CAPPED = 0x100
_NLMSGERR_ATTR_MSG = 1

_BPF_LOAD_WORD, _BPF_JUMP_IF_EQUAL, _BPF_RETURN = 0x20, 0x15, 0x06
_PORT_AT = 12

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERRNO = struct.Struct("=i")
# The kernel fills dump datagrams up to 32 KiB, and only if the reader's buffer is at least that large.
_RECEIVE_BYTES = 65536
# A dump that was overtaken by a change is marked and asked for again; a table that never rests is an error.
_DUMP_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One message to the kernel; ``name`` says in errors which call it was and what it was about."""

    kind: int
    flags: int
    payload: bytes
    name: str


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute with its padding."""
    length = _ATTRIBUTE.size + len(data)
    return _ATTRIBUTE.pack(length, kind) + data + bytes(-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes, marked as such as strict kernels want it."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def u8(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=B", value))


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def text(kind: int, value: str) -> bytes:
    """A string with its terminating NUL."""
    return attribute(kind, value.encode() + b"\0")


def parse_attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by type, flag bits removed; of a repeated one the last. A malformed rest is left out."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size or offset + length > len(data):
            break
        found[kind & NLA_TYPE_MASK] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def encode_message(request: Request, sequence: int, extra_flags: int) -> bytes:
    """``request`` with its header and padding."""
    length = _HEADER.size + len(request.payload)
    flags = NLM_F_REQUEST | request.flags | extra_flags
    return _HEADER.pack(length, request.kind, flags, sequence, 0) + request.payload + bytes(-length % 4)


class NetlinkSocket:
    """A netlink socket in the calling thread's network namespace. Closes as a context manager."""

    def __init__(self, protocol: int) -> None:
        """Open for ``protocol`` (``NETLINK_…``). Raises OSError."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        # Refusals come with the kernel's reason in words, and without a copy of the request.
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._sequence = 0
        self._port = 0

    def execute(self, *requests: Request) -> None:
        """Send all in one datagram and wait for every acknowledgement.

        Raises OSError with the errno, name and reason of the first one refused; the others may have been
        carried out.
        """
        waiting = self._send(requests, NLM_F_ACK)
        refused: dict[int, OSError] = {}
        while waiting:
            for kind, flags, sequence, payload in self._receive():
                if kind != _NLMSG_ERROR or sequence not in waiting:
                    continue
                if exc := _refusal(waiting.pop(sequence), flags, payload):
                    refused[sequence] = exc
        if refused:
            raise refused[min(refused)]

    def execute_batch(self, subsystem: int, *requests: Request) -> None:
        """Carry out all of nfnetlink's ``requests`` or none (include/uapi/linux/netfilter/nfnetlink.h).

        Raises OSError as ``execute``.
        """
        frame = _NFGENMSG.pack(socket.AF_UNSPEC, 0, socket.htons(subsystem))
        begin = Request(_NFNL_MSG_BATCH_BEGIN, 0, frame, "NFNL_MSG_BATCH_BEGIN")
        end = Request(_NFNL_MSG_BATCH_END, 0, frame, "NFNL_MSG_BATCH_END")
        waiting = self._send((begin, *requests, end), NLM_F_ACK)
        # The frame is acknowledged by its failure only: that of the whole.
        frames = {min(waiting): begin, max(waiting): end}
        waiting = {sequence: it for sequence, it in waiting.items() if sequence not in frames}
        refused: dict[int, OSError] = {}
        while waiting:
            for kind, flags, sequence, payload in self._receive():
                if kind != _NLMSG_ERROR or sequence not in waiting | frames:
                    continue
                request = waiting.pop(sequence, None) or frames[sequence]
                if exc := _refusal(request, flags, payload):
                    refused[sequence] = exc
                    if sequence in frames:
                        waiting.clear()
        if refused:
            raise refused[min(refused)]

    def get(self, request: Request) -> bytes:
        """Send one request and return the payload of its one answer. Raises OSError."""
        waiting = self._send((request,), 0)
        while True:
            for kind, flags, sequence, payload in self._receive():
                if sequence not in waiting:
                    continue
                if kind != _NLMSG_ERROR:
                    return payload
                raise _refusal(request, flags, payload) or _protocol_error(request)

    def dump(self, request: Request) -> list[bytes]:
        """The payloads of all objects that ``request`` asks for: one consistent view. Raises OSError."""
        for _ in range(_DUMP_ATTEMPTS):
            payloads = self._dump_once(request)
            if payloads is not None:
                return payloads
        raise OSError(errno.EINTR, f"{request.name}: the table kept changing while it was read")

    @property
    def port(self) -> int:
        """The address of this socket, by which the kernel says who made a change."""
        self._port = self._port or self._socket.getsockname()[0]
        if self._port == 0:
            self._socket.bind((0, 0))
            self._port = self._socket.getsockname()[0]
        return self._port

    def close(self) -> None:
        """Give the descriptor back. May be called twice."""
        self._socket.close()

    def _dump_once(self, request: Request) -> list[bytes] | None:
        waiting = self._send((request,), NLM_F_DUMP)
        payloads: list[bytes] = []
        interrupted = False
        while True:
            for kind, flags, sequence, payload in self._receive():
                if sequence not in waiting:
                    continue
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                    if exc := _refusal(request, flags, payload):
                        raise exc
                    return None if interrupted else payloads
                payloads.append(payload)

    def _send(self, requests: tuple[Request, ...], extra_flags: int) -> dict[int, Request]:
        waiting = {}
        datagram = bytearray()
        for request in requests:
            self._sequence += 1
            waiting[self._sequence] = request
            datagram += encode_message(request, self._sequence, extra_flags)
        if datagram:
            self._socket.send(datagram)
        return waiting

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        for kind, flags, sequence, _port, payload in messages(self._socket.recv(_RECEIVE_BYTES)):
            yield kind, flags, sequence, payload

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Notice:
    """News of a change; ``port`` is the address of the socket that asked for it."""

    kind: int
    port: int
    payload: bytes


class NoticeSocket:
    """Hears of changes by a multicast group, in the calling thread's network namespace. Never waits."""

    def __init__(self, protocol: int, group: int, *, but_for: int = 0) -> None:
        """Join ``group`` of ``protocol``; the kernel leaves out what the socket ``but_for`` asked for.

        Raises OSError.
        """
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, protocol)
        try:
            # One without an address of its own is left out: the kernel takes it for the one that asked.
            self._socket.bind((0, 0))
            if but_for:
                attach_filter(self._socket.fileno(), _leaving_out(but_for))
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> tuple[list[Notice], bool]:
        """What has come since the last call, and whether some of it was lost for want of room."""
        notices: list[Notice] = []
        lost = False
        while True:
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return notices, lost
            except OSError as exc:
                if exc.errno != errno.ENOBUFS:
                    raise
                lost = True
                continue
            notices += (Notice(kind, port, payload) for kind, _, _, port, payload in messages(data))

    def close(self) -> None:
        """May be called twice."""
        self._socket.close()


def _leaving_out(port: int) -> list[FilterInstruction]:
    """A classic BPF program: drop what has this port in its header, pass the rest (net/core/filter.c)."""
    in_network_order = int.from_bytes(struct.pack("=I", port), "big")
    return [
        (_BPF_LOAD_WORD, 0, 0, _PORT_AT),
        (_BPF_JUMP_IF_EQUAL, 0, 1, in_network_order),
        (_BPF_RETURN, 0, 0, 0),
        (_BPF_RETURN, 0, 0, 0xFFFFFFFF),
    ]


def messages(data: bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
    """Type, flags, sequence, port and payload of each message of a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, port = _HEADER.unpack_from(data, offset)
        yield kind, flags, sequence, port, data[offset + _HEADER.size : offset + length]
        offset += max((length + 3) & ~3, _HEADER.size)


def _refusal(request: Request, flags: int, payload: bytes) -> OSError | None:
    """What an acknowledgement says; the same fields end a dump (NLMSG_DONE carries an errno as well)."""
    code = -_ERRNO.unpack_from(payload)[0] if len(payload) >= _ERRNO.size else 0
    if not code:
        return None
    message = f"{request.name}: {os.strerror(code)}"
    if flags & _NLM_F_CAPPED:
        attributes = parse_attributes(payload[_ERRNO.size + _HEADER.size :])
        if reason := attributes.get(_NLMSGERR_ATTR_MSG):
            message += f" ({reason.rstrip(bytes(1)).decode(errors='replace')})"
    return OSError(code, message)


def _protocol_error(request: Request) -> OSError:
    return OSError(errno.EPROTO, f"{request.name}: acknowledged without an answer")
