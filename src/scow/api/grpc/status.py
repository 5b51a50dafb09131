"""How a gRPC call ends: a code, a message for people and details for programs."""

from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import quote, unquote

from scow.spec.protobuf import Message, integer, many, octets, text


class Code(IntEnum):
    """https://grpc.github.io/grpc/core/md_doc_statuscodes.html"""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True)
class AnyMessage(Message):
    """google.protobuf.Any: a value and what kind of value."""

    type_url: str = text(1)
    value: bytes = octets(2)


@dataclass(frozen=True)
class StatusMessage(Message):
    """google.rpc.Status."""

    code: int = integer(1)
    message: str = text(2)
    details: tuple[AnyMessage, ...] = many(3, AnyMessage)


class CallError(Exception):
    """A call that ends otherwise than well."""

    def __init__(self, code: int, message: str, details: tuple[AnyMessage, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def status(self) -> StatusMessage:
        """As it is told inside of messages."""
        return StatusMessage(self.code, self.message, self.details)


def encode_message(message: str) -> str:
    """As it stands in the header ``grpc-message``: percent-encoded UTF-8."""
    return quote(message, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")


def decode_message(header: str) -> str:
    """The other way round; what is wrong in it is replaced."""
    return unquote(header, errors="replace")
