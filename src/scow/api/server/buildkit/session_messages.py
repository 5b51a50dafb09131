"""Messages of the services that a client lends its builds.

Numbers of fields are BuildKit's: session/{filesync,auth,secrets,sshforward}/*.proto, and
fsutil's types/{stat,wire}.proto.
"""

from dataclasses import dataclass
from enum import IntEnum

from scow.spec.protobuf import Message, file_name, inner, integer, mapping, octets, octets_by_text, text

FILE_SYNC = "/moby.filesync.v1.FileSync/DiffCopy"
FILE_SEND = "/moby.filesync.v1.FileSend/DiffCopy"
UPLOAD = "/moby.upload.v1.Upload/Pull"
CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
GET_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
CHECK_AGENT = "/moby.sshforward.v1.SSH/CheckAgent"
FORWARD_AGENT = "/moby.sshforward.v1.SSH/ForwardAgent"
WRITE_CONTENT = "/containerd.services.content.v1.Content/Write"


@dataclass(frozen=True)
class StatMessage(Message):
    """One file; ``mode`` is Go's os.FileMode. A regular file with a ``link`` is a hard link to it."""

    path: str = file_name(1)
    mode: int = integer(2)
    uid: int = integer(3)
    gid: int = integer(4)
    size: int = integer(5)
    mtime_ns: int = integer(6)
    link: str = file_name(7)
    device_major: int = integer(8)
    device_minor: int = integer(9)
    xattrs: dict[str, bytes] = octets_by_text(10)


class PacketKind(IntEnum):
    STAT = 0
    REQUEST = 1
    DATA = 2
    END = 3
    ERROR = 4


@dataclass(frozen=True)
class Packet(Message):
    """One step of a transfer. ``id`` counts the files in the order in which they were told."""

    kind: int = integer(1)
    stat: StatMessage | None = inner(2, StatMessage)
    id: int = integer(3)
    data: bytes = octets(4)


@dataclass(frozen=True)
class BytesMessage(Message):
    data: bytes = octets(1)


@dataclass(frozen=True)
class CredentialsRequest(Message):
    host: str = text(1)


@dataclass(frozen=True)
class CredentialsResponse(Message):
    username: str = text(1)
    secret: str = text(2)


@dataclass(frozen=True)
class SecretRequest(Message):
    id: str = text(1)
    annotations: dict[str, str] = mapping(2)


@dataclass(frozen=True)
class SecretResponse(Message):
    data: bytes = octets(1)


@dataclass(frozen=True)
class AgentRequest(Message):
    id: str = text(1)


@dataclass(frozen=True)
class AgentResponse(Message):
    pass


class WriteAction(IntEnum):
    STAT = 0
    WRITE = 1
    COMMIT = 2


@dataclass(frozen=True)
class WriteContent(Message):
    """containerd's api/services/content/v1/content.proto, like the one that follows."""

    action: int = integer(1)
    ref: str = text(2)
    total: int = integer(3)
    expected: str = text(4)
    offset: int = integer(5)
    data: bytes = octets(6)


@dataclass(frozen=True)
class ContentWritten(Message):
    action: int = integer(1)
    offset: int = integer(4)
    total: int = integer(5)
    digest: str = text(6)
