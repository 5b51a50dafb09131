"""Attaching to a container that exists: what ``attach`` and ``start --attach`` have in common."""

from scow.cli.attachment import Attachment
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.invocation import Invocation


def attach(
    invocation: "Invocation",
    container_id: str,
    *,
    tty: bool,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    keys: str,
) -> Attachment:
    """Hijack the container's streams; ``keys`` are the detach keys that the engine looks for too."""
    wanted = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    query = [("stream", "1"), *((name, "1") for name, attached in wanted.items() if attached)]
    if keys:
        query.append(("detachKeys", keys))
    return Attachment(
        invocation.client.hijack(f"/containers/{container_id}/attach", query),
        tty=tty,
        stdin=stdin,
        out=invocation.out if stdout else None,
        err=invocation.err if stderr else None,
        detach_keys=keys,
        on_resize_failed=lambda: invocation.err.line("failed to resize tty, using default size"),
    )


def exit_with(status: int) -> None:
    """End with a status of the container's; return for 0."""
    if status:
        raise CommandError(status=status)
