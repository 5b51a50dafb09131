"""The fluentd driver: events in fluentd's forward protocol, one message an event.

https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
"""

import asyncio
import base64
import os
import re
import struct
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from scow.errors import InvalidArgumentError
from scow.logs.attributes import ATTRIBUTE_OPTIONS
from scow.logs.remote.destination import RemoteDriver
from scow.logs.remote.records import Origin, Record
from scow.logs.remote.wire import Address, Wire
from scow.spec.go_bool import FALSE, TRUE

_HOST, _PORT = "127.0.0.1", 24224
_ACKNOWLEDGED_S = 10.0
_EVENT_TIME = 0  # the extension type of a time with nanoseconds
_FLAGS = ("fluentd-async", "fluentd-async-connect", "fluentd-request-ack", "fluentd-sub-second-precision")
_NUMBERS = ("fluentd-max-retries", "fluentd-buffer-limit")
_DURATIONS = ("fluentd-retry-wait", "fluentd-async-reconnect-interval", "fluentd-write-timeout")
_ANSWER_BYTES = 4096
_DURATION = re.compile(r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+|0")


def _address(text: str) -> Address:
    """Of ``fluentd-address``: ``host``, ``host:port``, or with tcp:// or unix://."""
    if not text:
        return Address("tcp", _HOST, _PORT)
    try:
        return _parsed_address(text if "://" in text else f"tcp://{text}")
    except (InvalidArgumentError, ValueError) as exc:
        raise InvalidArgumentError(f"invalid fluentd-address ({text}): {exc}") from exc


def _parsed_address(text: str) -> Address:
    """Raises InvalidArgumentError, ValueError."""
    url = urlsplit(text)
    host, port = url.hostname, url.port
    if url.scheme == "unix":
        if not url.path:
            raise InvalidArgumentError("path is empty")
        return Address("unix", url.path)
    if url.scheme != "tcp":
        raise InvalidArgumentError(f"unsupported scheme: '{url.scheme}'")
    if url.path:
        raise InvalidArgumentError("should not contain a path element")
    return Address("tcp", host or _HOST, port or _PORT)


def _flag(options: Mapping[str, str], name: str) -> bool:
    text = options.get(name) or "false"
    if text not in TRUE | FALSE:
        raise InvalidArgumentError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in TRUE


def _check(options: Mapping[str, str]) -> None:
    _address(options.get("fluentd-address", ""))
    for name in _FLAGS:
        _flag(options, name)
    if "fluentd-async" in options and "fluentd-async-connect" in options:
        names = "'fluentd-async' and 'fluentd-async-connect'"
        raise InvalidArgumentError(f"conflicting options: cannot specify both {names}")
    for name in _NUMBERS:
        # A size may have a unit; a number of tries has none.
        digits = options.get(name, "0").rstrip("bBkKmMgG" if name == "fluentd-buffer-limit" else "")
        if not digits.isdecimal():
            size = name == "fluentd-buffer-limit"
            failure = "invalid size: '{}'" if size else 'strconv.ParseUint: parsing "{}": invalid syntax'
            raise InvalidArgumentError(failure.format(options[name]))
    for name in _DURATIONS:
        if name in options and not _DURATION.fullmatch(options[name]):
            raise InvalidArgumentError(f'time: invalid duration "{options[name]}"')


def _starts_without(options: Mapping[str, str]) -> bool:
    return _flag(options, "fluentd-async") or _flag(options, "fluentd-async-connect")


class Fluentd:
    """A fluentd, a Fluent Bit, or another receiver of the forward protocol."""

    def __init__(self, options: Mapping[str, str], origin: Origin) -> None:
        self._wire = Wire(_address(options.get("fluentd-address", "")))
        self._tag = origin.tag
        self._fields = {
            **origin.attributes,
            "container_id": origin.source.container_id,
            "container_name": origin.source.name,
        }
        self._is_precise = _flag(options, "fluentd-sub-second-precision")
        self._wants_answer = _flag(options, "fluentd-request-ack")
        self._encode = msgspec.msgpack.Encoder().encode

    async def open(self) -> None:
        await self._wire.open()

    async def send(self, records: Sequence[Record]) -> None:
        if not self._wants_answer:
            await self._wire.write([self._encode([self._tag, *self._event(record)]) for record in records])
            return
        for record in records:
            chunk = base64.b64encode(os.urandom(16)).decode()
            await self._wire.write([self._encode([self._tag, *self._event(record), {"chunk": chunk}])])
            await self._acknowledged(chunk)

    def _event(self, record: Record) -> tuple[object, dict[str, str]]:
        seconds, nanoseconds = divmod(record.time_ns, 10**9)
        when: object = seconds
        if self._is_precise:
            when = msgspec.msgpack.Ext(_EVENT_TIME, struct.pack(">II", seconds, nanoseconds))
        stream = "stderr" if record.is_error else "stdout"
        return when, self._fields | {"source": stream, "log": record.line}

    async def _acknowledged(self, chunk: str) -> None:
        assert self._wire.reader is not None
        answer = await asyncio.wait_for(self._wire.reader.read(_ANSWER_BYTES), _ACKNOWLEDGED_S)
        try:
            told = msgspec.msgpack.decode(answer, type=dict[str, str])
        except msgspec.DecodeError as exc:
            raise OSError(f"no acknowledgement: {exc}") from exc
        if told.get("ack") != chunk:
            raise OSError("the acknowledgement is of another event")

    def close(self) -> None:
        self._wire.close()


DRIVER = RemoteDriver(
    options=ATTRIBUTE_OPTIONS | {"fluentd-address", *_FLAGS, *_NUMBERS, *_DURATIONS},
    check=_check,
    make=Fluentd,
    starts_without=_starts_without,
)
