"""A content store, read by its clients.

Numbers of fields are containerd's, api/services/content/v1/content.proto.
"""

from dataclasses import dataclass

from scow.spec.protobuf import Message, inner, integer, mapping, moment, octets, text

CONTENT_INFO = "/containerd.services.content.v1.Content/Info"
READ_CONTENT = "/containerd.services.content.v1.Content/Read"


@dataclass(frozen=True)
class ReadContent(Message):
    """``size`` 0 is all that follows."""

    digest: str = text(1)
    offset: int = integer(2)
    size: int = integer(3)


@dataclass(frozen=True)
class ContentPiece(Message):
    offset: int = integer(1)
    data: bytes = octets(2)


@dataclass(frozen=True)
class ContentInfoRequest(Message):
    digest: str = text(1)


@dataclass(frozen=True)
class ContentInfo(Message):
    digest: str = text(1)
    size: int = integer(2)
    created_at: int | None = moment(3)
    updated_at: int | None = moment(4)
    labels: dict[str, str] = mapping(5)


@dataclass(frozen=True)
class ContentInfoResponse(Message):
    info: ContentInfo | None = inner(1, ContentInfo)
