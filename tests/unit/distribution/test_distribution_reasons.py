"""Why a server could not be talked to, from urllib3's exceptions to Go's words."""

from http.client import RemoteDisconnected

import pytest
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import IncompleteRead, MaxRetryError, ProtocolError, ReadTimeoutError, ResponseError

from scow.distribution.reasons import reason_of

POOL = HTTPConnectionPool("h", 81)
GONE = ProtocolError(
    "Connection aborted.", RemoteDisconnected("Remote end closed connection without response")
)
RESET = ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer"))


@pytest.mark.parametrize(
    ("exception", "reason"),
    [
        (MaxRetryError(POOL, "/", GONE), "EOF"),
        (GONE, "EOF"),
        (RESET, "read tcp h:81: read: connection reset by peer"),
        (MaxRetryError(POOL, "/", ResponseError("too many redirects")), "stopped after 10 redirects"),
        (ReadTimeoutError(POOL, "/", "Read timed out."), "read tcp h:81: i/o timeout"),
        (IncompleteRead(3, 97), "unexpected EOF"),
        (ProtocolError("Connection broken", IncompleteRead(3, 97)), "unexpected EOF"),
    ],
)
def test_in_gos_words(exception: Exception, reason: str) -> None:
    assert reason_of(exception, "http://h:81/x") == reason
