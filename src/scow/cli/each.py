"""One request for each of several names: side by side, reported in the order that the names were given."""

from scow.cli.exits import join_errors
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scow.api.client.client import Client
    from scow.cli.invocation import Invocation

    Act = Callable[[Client, str], object]

_AT_ONCE = 50
_AT_ONCE_BY_SSH = 4
"""sshd lets ten be that have not said yet who they are, and refuses more by chance (MaxStartups)."""


def report_each(invocation: "Invocation", names: list[str], act: "Act") -> None:
    """Print each name that ``act`` was done to; the errors of the others end the command."""
    errors = []
    for name, error in for_each(invocation, names, act):
        if error is None:
            invocation.out.line(name)
        else:
            errors.append(error)
    join_errors(errors)


def for_each(
    invocation: "Invocation", names: list[str], act: "Act"
) -> "Iterator[tuple[str, ScowError | None]]":
    """``act`` on every name, up to fifty at once, and what it raised."""
    if len(names) == 1:
        yield names[0], _attempt(act, invocation.client, names[0])
        return
    import threading

    outcomes: list[ScowError | None] = [None] * len(names)
    by_ssh = invocation.client.endpoint.scheme == "ssh"
    slots = threading.BoundedSemaphore(_AT_ONCE_BY_SSH if by_ssh else _AT_ONCE)

    def work(index: int) -> None:
        with slots:
            client = invocation.new_client()
            try:
                outcomes[index] = _attempt(act, client, names[index])
            finally:
                client.close()

    assert invocation.client.version  # negotiated here once, for all of them
    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(names))]
    for thread in threads:
        thread.start()
    for index, thread in enumerate(threads):
        thread.join()
        yield names[index], outcomes[index]


def _attempt(act: "Act", client: "Client", name: str) -> ScowError | None:
    try:
        act(client, name)
    except ScowError as exc:
        return exc
    except OSError as exc:
        return ScowError(str(exc))
    return None
