"""Which class of error is which status: the one place that knows."""

from scow.api.http.body import BodyTooLargeError
from scow.api.http.head import RefusedError
from scow.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    NotModified,
    PermissionDeniedError,
    ScowError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)

STATUS_BY_CLASS: dict[type[BaseException], int] = {
    NotModified: 304,
    InvalidArgumentError: 400,
    UnauthenticatedError: 401,
    PermissionDeniedError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    BodyTooLargeError: 413,
    ScowError: 500,
    UnsupportedError: 501,
    UnavailableError: 503,
}


def status_of(error: BaseException) -> int:
    """The status of the nearest class in the table; 500 for what is none of ours."""
    if isinstance(error, RefusedError):
        return error.status
    for cls in type(error).__mro__:
        if cls in STATUS_BY_CLASS:
            return STATUS_BY_CLASS[cls]
    return 500
