"""The journald driver: entries in systemd's native protocol, one datagram an entry.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
"""

import re
import struct
from collections.abc import Mapping, Sequence

from scow.logs.attributes import ATTRIBUTE_OPTIONS
from scow.logs.json_encoder import rfc3339_nano
from scow.logs.remote.destination import RemoteDriver
from scow.logs.remote.records import Origin, Record
from scow.logs.remote.wire import Address, Wire

_SOCKET = "/run/systemd/journal/socket"
_ERROR, _INFORMATIONAL = 3, 6  # levels of syslog
_NOT_IN_A_NAME = re.compile(r"[^A-Z0-9]")


class Journald:
    """The journal of this machine."""

    def __init__(self, _options: Mapping[str, str], origin: Origin) -> None:
        self._wire = Wire(Address("unixgram", _SOCKET))
        source = origin.source
        fields = {
            "CONTAINER_ID": source.container_id[:12],
            "CONTAINER_ID_FULL": source.container_id,
            "CONTAINER_NAME": origin.name,
            "CONTAINER_TAG": origin.tag,
            "IMAGE_NAME": source.image_name,
            "SYSLOG_IDENTIFIER": origin.tag,
        } | {_field_name(name): value for name, value in origin.attributes.items()}
        self._fields = b"".join(_encoded(name, value) for name, value in fields.items())

    async def open(self) -> None:
        try:
            await self._wire.open()
        except OSError as exc:
            raise OSError("journald is not enabled on this host") from exc

    async def send(self, records: Sequence[Record]) -> None:
        await self._wire.write([self._entry(record) for record in records])

    def close(self) -> None:
        self._wire.close()

    def _entry(self, record: Record) -> bytes:
        own = {
            "PRIORITY": str(_ERROR if record.is_error else _INFORMATIONAL),
            "SYSLOG_TIMESTAMP": rfc3339_nano(record.time_ns),
            "MESSAGE": record.line,
        }
        return self._fields + b"".join(_encoded(name, value) for name, value in own.items())


def _field_name(name: str) -> str:
    """A label or a variable as the name of a field: capitals, digits and inner underscores."""
    return _NOT_IN_A_NAME.sub("_", name.upper()).lstrip("_")


def _encoded(name: str, value: str) -> bytes:
    data = value.encode(errors="replace")
    if b"\n" in data:
        return b"%b\n%b%b\n" % (name.encode(), struct.pack("<Q", len(data)), data)
    return b"%b=%b\n" % (name.encode(), data)


DRIVER = RemoteDriver(options=ATTRIBUTE_OPTIONS, check=lambda _options: None, make=Journald)
