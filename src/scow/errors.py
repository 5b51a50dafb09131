"""What can go wrong, named by what the caller should do about it.

    ScowError                    500   a failure of ours, or one nobody can do anything about
    ├── InvalidArgumentError     400   what was asked cannot be right
    ├── UnauthenticatedError     401   no or wrong credentials
    ├── PermissionDeniedError    403   known, and not allowed
    ├── NotFoundError            404   nothing by that name
    ├── ConflictError            409   exists already, in use, wrong state
    ├── NotModified              304   already so
    ├── UnsupportedError         501   scow does not do this
    ├── UnavailableError         503   somebody else is not answering; may be retried
    ├── TimeoutExceededError     500   our own limit
    └── IntegrityError           500   bytes are not what their digest says

Messages are Docker's word for word where its command line or SDKs show or match them.
HTTP statuses are mapped once, in ``scow.api.server.errors``. Nothing recognises an error by its text.
"""


class ScowError(Exception):
    """Base of all failures that have a message for a person.

    ``hint`` is printed after a blank line by the command line and never sent over the wire.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(ScowError):
    """What was asked cannot be right, whatever the state of the engine."""


class ParseError(InvalidArgumentError):
    """Text that does not follow its grammar; ``line`` and ``column`` count from 1."""

    def __init__(
        self, message: str, *, file: str = "", line: int = 0, column: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line
        self.column = column


class UnauthenticatedError(ScowError):
    """No credentials, or wrong ones."""


class PermissionDeniedError(ScowError):
    """The object is known and the action on it is not allowed."""


class NotFoundError(ScowError):
    """Nothing by that name."""


class ConflictError(ScowError):
    """Exists already, is in use, or is in a state that forbids this."""


class NotModified(ScowError):
    """The object is already as asked: start of a running container."""


class UnsupportedError(ScowError):
    """scow does not do this."""


class UnavailableError(ScowError):
    """Another party does not answer; the same call may work later."""


class TimeoutExceededError(ScowError):
    """A time limit of ours ran out; the message says which and what was waited for."""


class IntegrityError(ScowError):
    """Bytes are not what their digest says."""


def told_of(error: BaseException) -> str:
    """What a client is told of any failure: what the system refuses is told in its words, not in Python's."""
    if isinstance(error, ScowError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror.lower()}"
    return f"{type(error).__name__}: {error}"
