"""Lines of a log as they are sent elsewhere, and who has written them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from scow.logs.attributes import LogSource, chosen_attributes, rendered_tag

# Docker's loggerutils.DefaultTemplate.
_DEFAULT_TAG = "{{.ID}}"


@dataclass(frozen=True, slots=True)
class Record:
    """One line without its newline, or a piece of a long one; ``time_ns`` since the epoch."""

    line: str
    is_error: bool
    time_ns: int


@dataclass(frozen=True)
class Origin:
    """The container that writes, the tag of its lines, and the labels and variables to be sent along."""

    source: LogSource
    tag: str
    attributes: Mapping[str, str]

    @property
    def name(self) -> str:
        """The container's, without the slash."""
        return self.source.name.removeprefix("/")


def origin_of(options: Mapping[str, str], source: LogSource) -> Origin:
    """What log options say of a container's lines. Raises ``InvalidArgumentError``."""
    tag = rendered_tag(options, source, _DEFAULT_TAG)
    return Origin(source, tag, chosen_attributes(options, source))


class _Line(msgspec.Struct, gc=False):
    log: str
    stream: str
    time: str


_decoder = msgspec.json.Decoder(_Line)


def records(block: bytes) -> list[Record]:
    """The lines of a piece of a log file; what is no line of a log is left out, as are empty lines."""
    found = []
    for text in block.splitlines():
        try:
            line = _decoder.decode(text)
        except msgspec.DecodeError:
            continue
        if said := line.log.removesuffix("\n"):
            found.append(Record(said, line.stream == "stderr", _nanoseconds(line.time)))
    return found


def _nanoseconds(time: str) -> int:
    """Of ``2024-05-01T10:00:00.123456789Z``."""
    second = datetime.fromisoformat(f"{time[:19]}+00:00")
    return int(second.timestamp()) * 10**9 + int(time[20:29].ljust(9, "0"))
