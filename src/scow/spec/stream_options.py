"""What a client asks of a container's streams: the queries of attach and logs, read but not judged."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttachOptions:
    """The query of attach. ``stream``: live; ``logs``: what was written before; no keys: the default.

    ``framed`` False: both streams as they come, also without a terminal.
    """

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    logs: bool = False
    stream: bool = False
    detach_keys: str = ""
    framed: bool = True


@dataclass(frozen=True, slots=True)
class LogQuery:
    """The query of logs. Times are as the client wrote them; ``tail`` is a number of lines, or all."""

    stdout: bool = False
    stderr: bool = False
    since: str = ""
    until: str = ""
    timestamps: bool = False
    follow: bool = False
    details: bool = False
    tail: str = ""
