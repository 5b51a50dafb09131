"""Further processes in a running container: started as its own is, and killed with their children."""

import json
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scow.engine.containers.document import resolve_container_user
from scow.engine.containers.launch import Launcher, terminal_size
from scow.engine.containers.model import Container, Live
from scow.errors import ConflictError, InvalidArgumentError, ScowError
from scow.runtime.oci_runtime import Stdio
from scow.runtime.process import ExecRequest, exec_environment, process_for_exec
from scow.runtime.start_failure import NOT_STARTED, RuntimeFailedError, explain_exec_failure
from scow.spec.engine_api.exec import ExecCreate


class ProgramError(InvalidArgumentError):
    """There is no such program, or it cannot be executed; ``exit_code`` is what a shell makes of that."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


async def spawn_exec(
    launcher: Launcher, live: Live, exec_id: str, asked: ExecCreate, size: Sequence[int]
) -> int:
    """The pid of the new process; ``size`` is ``[height, width]`` of its terminal.

    Raises ConflictError if the container has ended, ProgramError, InvalidArgumentError, ScowError.
    """
    doc = live.doc
    bundle = launcher.bundles / doc.id
    stdio = Stdio(stdin=asked.attach_stdin, stdin_once=True, tty=asked.tty, size=terminal_size(size))
    runtime = launcher.runtime(doc)
    try:
        process = _process(launcher, doc, asked, size)
        request = runtime.exec_request(doc.id, bundle, exec_id, process, stdio)
        pid = await launcher.supervisor.spawn(exec_id, request)
    except RuntimeFailedError as exc:
        message, code = explain_exec_failure(exc.message, asked.cmd[0])
        raise (ScowError(message) if code == NOT_STARTED else ProgramError(message, code)) from exc
    except FileNotFoundError as exc:
        raise ConflictError(f"container {doc.id} is not running") from exc
    finally:
        runtime.remove_exec_files(bundle, exec_id)
    if doc.host.oom_score_adj:
        _set_oom_score(pid, doc.host.oom_score_adj)
    return pid


def _process(launcher: Launcher, doc: Container, asked: ExecCreate, size: Sequence[int]) -> dict[str, object]:
    """The OCI document of the process, made from that of the container's own."""
    if asked.working_dir and not asked.working_dir.startswith("/"):
        raise ScowError("OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown")
    documents = launcher.documents
    base = json.loads((launcher.bundles / doc.id / "config.json").read_text())["process"]
    root = f"/proc/{doc.state.pid}/root"
    request = ExecRequest(
        args=asked.cmd,
        env=exec_environment(
            doc.config.env or [],
            documents.hostname(doc),
            tty=asked.tty,
            own=asked.env,
            links=documents.links_of(doc),
        ),
        cwd=asked.working_dir or doc.config.working_dir,
        user=resolve_container_user(root, doc, asked.user) if asked.user else None,
        tty=asked.tty,
        console_size=size,
        privileged=asked.privileged,
    )
    return dict(process_for_exec(base, request, documents.facts.capabilities))


def _set_oom_score(pid: int, value: int) -> None:
    """crun's exec leaves out what the process document says of it, which runc's does not."""
    # It may have ended already, and only CAP_SYS_RESOURCE may go below what the parent has.
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(value))


def kill_group(launcher: Launcher, doc: Container, pid: int) -> None:
    """Kill an exec's process with its process group, as far as that is in the container."""
    with suppress(ProcessLookupError):  # its end is on the way to us
        group = os.getpgid(pid)
        for member in launcher.cgroup(doc).processes():
            with suppress(ProcessLookupError):
                if member != doc.state.pid and os.getpgid(member) == group:
                    os.kill(member, signal.SIGKILL)
