"""A request, as an application sees it."""

from scow.api.http.body import Body
from scow.api.http.head import Head


class Request:
    """Head and body of one request.

    ``must_finish``: set by the application when the work has to be completed even if the client goes
    away meanwhile; otherwise the handler is cancelled then.
    """

    __slots__ = ("body", "head", "must_finish")

    def __init__(self, head: Head, body: Body) -> None:
        self.head = head
        self.body = body
        self.must_finish = False

    @property
    def method(self) -> str:
        return self.head.method

    def header(self, name: str) -> str:
        """A header's value by its lower-case name, or nothing."""
        return self.head.headers.get(name, "")
