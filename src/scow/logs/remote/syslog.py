"""The syslog driver: messages of RFC 3164 and RFC 5424, or in the form that a local socket takes."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scow.errors import InvalidArgumentError
from scow.logs.attributes import ATTRIBUTE_OPTIONS
from scow.logs.remote.destination import RemoteDriver
from scow.logs.remote.records import Origin, Record
from scow.logs.remote.wire import Address, Wire

if TYPE_CHECKING:
    import ssl

_TLS = "tcp+tls"
_PORT = 514
_LOCAL_SOCKETS = ("/dev/log", "/var/run/syslog", "/var/run/log")  # in the order of log/syslog of Go
# RFC 5424, table 1.
_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
)  # fmt: skip
_NUMBERS = dict(zip(_FACILITIES, range(len(_FACILITIES)), strict=True)) | {
    f"local{n}": 16 + n for n in range(8)
}
_ERROR, _INFORMATIONAL = 3, 6
_FORMATS = ("", "rfc3164", "rfc5424", "rfc5424micro")


def _address(text: str) -> Address:
    """Of ``syslog-address``; without one, this machine's own syslog. Raises InvalidArgumentError."""
    if not text:
        found = next((path for path in _LOCAL_SOCKETS if os.path.exists(path)), _LOCAL_SOCKETS[0])
        return Address("unixgram", found)
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError as exc:
        raise InvalidArgumentError(f"parse {text}: {exc}") from exc
    if url.scheme in ("unix", "unixgram"):
        if not os.path.exists(url.path):
            raise InvalidArgumentError(f"stat {url.path}: no such file or directory")
        return Address(url.scheme, url.path)
    if url.scheme not in ("udp", "tcp", _TLS):
        raise InvalidArgumentError(f"unsupported scheme: '{url.scheme}'")
    return Address(url.scheme, host, port or _PORT)


def _facility(text: str) -> int:
    if not text:
        return _NUMBERS["daemon"]
    if text in _NUMBERS:
        return _NUMBERS[text]
    if text.isdecimal() and int(text) <= 23:
        return int(text)
    raise InvalidArgumentError("invalid syslog facility")


def _check(options: Mapping[str, str]) -> None:
    _address(options.get("syslog-address", ""))
    _facility(options.get("syslog-facility", ""))
    if options.get("syslog-format", "") not in _FORMATS:
        raise InvalidArgumentError("Invalid syslog format")


def _tls_context(options: Mapping[str, str]) -> "Callable[[], ssl.SSLContext]":
    def make() -> "ssl.SSLContext":
        from scow.tls_trust import client_context

        verify = "syslog-tls-skip-verify" not in options
        context = client_context(options.get("syslog-tls-ca-cert") or None, verify=verify)
        if certificate := options.get("syslog-tls-cert"):
            context.load_cert_chain(certificate, options.get("syslog-tls-key") or None)
        return context

    return make


class Syslog:
    """A receiver of syslog messages."""

    def __init__(self, options: Mapping[str, str], origin: Origin) -> None:
        address = _address(options.get("syslog-address", ""))
        self._wire = Wire(address, _tls_context(options) if address.kind == _TLS else None)
        self._facility = _facility(options.get("syslog-facility", ""))
        self._format = options.get("syslog-format", "")
        self._tag = origin.tag
        # RFC 5425: of messages over TLS the length is told first.
        self._counts_octets = address.kind == _TLS and self._format.startswith("rfc5424")

    async def open(self) -> None:
        await self._wire.open()

    async def send(self, records: Sequence[Record]) -> None:
        await self._wire.write([self._packet(record) for record in records])

    def close(self) -> None:
        self._wire.close()

    def _packet(self, record: Record) -> bytes:
        message = f"{self._head(record)}{record.line}\n".encode()
        return b"%d %b" % (len(message), message) if self._counts_octets else message

    def _head(self, record: Record) -> str:
        priority = self._facility * 8 + (_ERROR if record.is_error else _INFORMATIONAL)
        host, pid, tag = os.uname().nodename, os.getpid(), self._tag
        match self._format:
            case "":
                return f"<{priority}>{_stamp(record.time_ns)} {tag}[{pid}]: "
            case "rfc3164":
                return f"<{priority}>{_stamp(record.time_ns)} {host} {tag}[{pid}]: "
        moment = datetime.fromtimestamp(record.time_ns // 1000 / 1e6, UTC)
        precision = "microseconds" if self._format == "rfc5424micro" else "seconds"
        iso = moment.isoformat(timespec=precision).replace("+00:00", "Z")
        return f"<{priority}>1 {iso} {host} {tag} {pid} {tag} - "


def _stamp(time_ns: int) -> str:
    """``Nov 28 09:15:04``: local time, the day padded with a space (RFC 3164, section 4.1.2)."""
    at = time.localtime(time_ns // 10**9)
    return f"{time.strftime('%b', at)} {at.tm_mday:2d} {time.strftime('%H:%M:%S', at)}"


DRIVER = RemoteDriver(
    options=ATTRIBUTE_OPTIONS
    | {"syslog-address", "syslog-facility", "syslog-format", "syslog-tls-ca-cert", "syslog-tls-cert"}
    | {"syslog-tls-key", "syslog-tls-skip-verify"},
    check=_check,
    make=Syslog,
)
