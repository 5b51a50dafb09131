"""What a request can end in, with the messages that Docker's command line prints."""

from scow.api.client.endpoint import Endpoint
from scow.errors import ScowError, UnavailableError


class DaemonError(ScowError):
    """The engine answered with an error status; ``str()`` has Docker's prefix, ``reason`` has not."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"Error response from daemon: {reason}")
        self.status = status
        self.reason = reason


class ConnectionFailedError(UnavailableError):
    """No engine could be talked to."""


def connection_failed(endpoint: Endpoint, method: str, target: str, exc: OSError) -> ConnectionFailedError:
    """Docker's words for a failed connect; ``method`` and ``target`` are those of the request."""
    if isinstance(exc, PermissionError):
        return ConnectionFailedError(
            f"permission denied while trying to connect to the Docker daemon socket at {endpoint.text}: "
            f"{describe_request(endpoint, method, target)}: dial unix {endpoint.path}: "
            "connect: permission denied"
        )
    if endpoint.scheme == "unix" or isinstance(exc, ConnectionRefusedError | TimeoutError):
        return ConnectionFailedError(
            f"Cannot connect to the Docker daemon at {endpoint.text}. Is the docker daemon running?"
        )
    if endpoint.scheme == "ssh":
        return connection_lost(endpoint, method, target, str(exc))
    detail = (exc.strerror or str(exc)).lower()
    return ConnectionFailedError(
        f"error during connect: {describe_request(endpoint, method, target)}: "
        f"dial tcp: {endpoint.host}: {detail}"
    )


def connection_lost(endpoint: Endpoint, method: str, target: str, detail: str) -> ConnectionFailedError:
    """The engine went away before it answered."""
    return ConnectionFailedError(
        f"error during connect: {describe_request(endpoint, method, target)}: {detail}"
    )


def describe_request(endpoint: Endpoint, method: str, target: str) -> str:
    """``Get "http://%2Frun%2Fscow.sock/v1.50/info"``, as Go's url.Error begins."""
    return f'{method.capitalize()} "http://{endpoint.url_host}{target}"'
