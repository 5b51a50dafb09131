"""Waiting for a container's end on a connection of its own."""

from scow.api.client.client import object_path
from scow.cli.exits import USAGE_STATUS
from scow.cli.log_lines import log
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.invocation import Invocation


class ExitWaiter:
    """``POST /containers/<id>/wait``, sent at once; the engine has noted it when this is constructed."""

    def __init__(self, client: "Client", container_id: str, condition: str = "") -> None:
        query = [("condition", condition)] if condition else []
        self._response = client.request("POST", object_path("container", container_id, "wait"), query)

    def fileno(self) -> int:
        return self._response.connection.sock.fileno()

    def result(self) -> tuple[int, str]:
        """(exit status, error text); blocks until there is one."""
        answer = self._response.json()
        self._response.close()
        error = answer.get("Error") or {}
        return int(answer["StatusCode"]), str(error.get("Message") or "")


def wait_for_status(invocation: "Invocation", waiter: ExitWaiter) -> int:
    """The exit status that ``run`` ends with; 125, and a line of log, when the engine cannot tell."""
    try:
        status, error = waiter.result()
    except (ScowError, OSError, ValueError) as exc:
        log(invocation.err, "error", f"error waiting for container: {exc}")
        return USAGE_STATUS
    if error:
        log(invocation.err, "error", f"Error waiting for container: {error}")
        return USAGE_STATUS
    return status
