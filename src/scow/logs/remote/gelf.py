"""The gelf driver: Graylog's extended log format 1.1, in compressed and chunked datagrams or over TCP.

https://go2docs.graylog.org/current/getting_in_log_data/gelf.html
"""

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from scow.errors import InvalidArgumentError
from scow.logs.attributes import ATTRIBUTE_OPTIONS
from scow.logs.remote.destination import RemoteDriver
from scow.logs.remote.records import Origin, Record
from scow.logs.remote.wire import Address, Wire

_COMPRESSION = ("gelf-compression-type", "gelf-compression-level")
_RECONNECTION = ("gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay")
_ERROR, _INFORMATIONAL = 3, 6  # levels of syslog
# Of a datagram, with the head of a chunk: what Docker's library has.
_CHUNK_BYTES = 1420
_MAGIC = b"\x1e\x0f"
_HEAD_BYTES = len(_MAGIC) + 8 + 2  # an id of the message, the chunk's number, how many there are
_MOST_CHUNKS = 128


def _address(options: Mapping[str, str]) -> Address:
    text = options.get("gelf-address", "")
    if not text:
        raise InvalidArgumentError("gelf-address is a required parameter")
    if not text.startswith(("udp://", "tcp://")):
        raise InvalidArgumentError("gelf: endpoint needs to be TCP or UDP")
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if not host or port is None:
        raise InvalidArgumentError("gelf: please provide gelf-address as proto://host:port")
    return Address(url.scheme, host, port)


def _check(options: Mapping[str, str]) -> None:
    address = _address(options)
    for name in _COMPRESSION:
        if name in options:
            if address.kind != "udp":
                raise InvalidArgumentError("compression is only supported on UDP")
            if not _is_compression(name, options[name]):
                raise InvalidArgumentError(
                    f'unknown value "{options[name]}" for log opt "{name}" for gelf log driver'
                )
    for name in _RECONNECTION:
        if name in options:
            if address.kind != "tcp":
                raise InvalidArgumentError(f'"{name}" is only valid for TCP')
            if not options[name].isdecimal():
                raise InvalidArgumentError(f'"{name}" must be a positive integer')


def _is_compression(name: str, value: str) -> bool:
    if name == "gelf-compression-type":
        return value in ("gzip", "zlib", "none")
    return value in map(str, range(-1, 10))


def _compressor(options: Mapping[str, str]) -> Callable[[bytes], bytes]:
    level = int(options.get("gelf-compression-level", 1))
    match options.get("gelf-compression-type", "gzip"):
        case "none":
            return bytes
        case "zlib":
            return lambda message: zlib.compress(message, level)
    # -1 is the library's own choice, which gzip's Python interface calls 6.
    return lambda message: gzip.compress(message, 6 if level < 0 else level)


class Gelf:
    """A Graylog input, or another receiver of GELF."""

    def __init__(self, options: Mapping[str, str], origin: Origin) -> None:
        address = _address(options)
        self._wire = Wire(address)
        self._is_stream = address.kind == "tcp"
        self._compress = _compressor(options)
        source = origin.source
        self._fields = {
            "version": "1.1",
            "host": os.uname().nodename,
            "_command": " ".join((source.entrypoint, *source.args)),
            "_container_id": source.container_id,
            "_container_name": origin.name,
            "_created": source.created,
            "_image_id": source.image_id,
            "_image_name": source.image_name,
            "_tag": origin.tag,
        } | {name if name.startswith("_") else f"_{name}": value for name, value in origin.attributes.items()}

    async def open(self) -> None:
        try:
            await self._wire.open()
        except OSError as exc:
            raise OSError(f"gelf: cannot connect to GELF endpoint: {self._wire.address} {exc}") from exc

    async def send(self, records: Sequence[Record]) -> None:
        await self._wire.write([packet for record in records for packet in self._packets(record)])

    def close(self) -> None:
        self._wire.close()

    def _packets(self, record: Record) -> Iterator[bytes]:
        level = _ERROR if record.is_error else _INFORMATIONAL
        seconds = record.time_ns // 10**6 / 1000
        said = {"short_message": record.line, "timestamp": seconds, "level": level}
        message = json.dumps(self._fields | said, ensure_ascii=False, separators=(",", ":")).encode(
            errors="replace"
        )
        if self._is_stream:
            yield message + b"\0"
        else:
            yield from chunks(self._compress(message))


def chunks(message: bytes) -> Iterator[bytes]:
    """The datagrams of a message; none if it is more than a receiver takes."""
    if len(message) <= _CHUNK_BYTES:
        yield message
        return
    size = _CHUNK_BYTES - _HEAD_BYTES
    count = -(-len(message) // size)
    if count > _MOST_CHUNKS:
        return
    ident = os.urandom(8)
    for number in range(count):
        head = _MAGIC + ident + bytes((number, count))
        yield head + message[number * size : (number + 1) * size]


DRIVER = RemoteDriver(
    options=ATTRIBUTE_OPTIONS | {"gelf-address", *_COMPRESSION, *_RECONNECTION}, check=_check, make=Gelf
)
