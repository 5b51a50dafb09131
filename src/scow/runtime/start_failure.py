"""Why a runtime command failed, in its own words and then in Docker's."""

import json

from scow.errors import ScowError
from scow.runtime.crun_messages import in_runc_words

NOT_FOUND, NOT_EXECUTABLE, NOT_STARTED = 127, 126, 128

_TAIL_BYTES = 64 * 1024


class RuntimeFailedError(ScowError):
    """The OCI runtime refused. ``message`` is its own; ``exit_status`` its process's, -n for a signal.

    ``errno`` is set when the runtime itself could not be started.
    """

    def __init__(self, message: str, exit_status: int, *, errno: int = 0) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.errno = errno


def last_error(path: str) -> str:
    """The last error in a runtime's log, JSON or text, or nothing.

    runc writes warnings there too, and puts the cause of all causes last.
    """
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return ""
    for line in reversed(lines):
        try:
            record = json.loads(line)
        except ValueError:
            continue  # cut off at the front, or text
        if isinstance(record, dict) and record.get("level") in ("error", "fatal"):
            return str(record.get("msg", "")).strip()
    if any(line.startswith(b"{") for line in lines):
        return ""
    return lines[-1].decode(errors="replace").strip() if lines else ""


def explain_start_failure(message: str, command: str = "") -> tuple[str, int]:
    """The runtime's message as dockerd words it for a container, and the container's exit code.

    ``command`` is the program that was to run. After moby's translateContainerdStartErr: 127 what is not
    there, 126 what cannot be executed, 128 the rest.
    """
    own = message.replace("runc run failed", "runc create failed", 1)
    if (reworded := in_runc_words(message, command)) != message:
        own = f"runc create failed: {reworded}"
    return _explain(
        f"failed to create task for container: failed to create shim task: OCI runtime create failed: {own}",
        command,
    )


def explain_exec_failure(message: str, command: str = "") -> tuple[str, int]:
    """The same for an exec, whose stream and inspect show them."""
    if (reworded := in_runc_words(message, command)) != message:
        message = f"exec failed: {reworded}"
    return _explain(f"OCI runtime exec failed: {message}", command)


def _explain(text: str, command: str) -> tuple[str, int]:
    text += ": unknown"
    lowered = text.lower()
    code = NOT_STARTED
    missing = ("executable file not found", "no such file or directory")
    if command.lower() in lowered and any(words in lowered for words in missing):
        code = NOT_FOUND
    if "permission denied" in lowered or "is a directory" in lowered:
        code = NOT_EXECUTABLE
    if "not a directory" in lowered:
        text += (
            ": Are you trying to mount a directory onto a file (or vice-versa)? "
            "Check if the specified host path exists and is the expected type"
        )
        code = NOT_FOUND
    return text, code
