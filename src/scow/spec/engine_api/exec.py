"""Execs: further processes in a running container."""

import msgspec

from scow.spec.engine_api.body import Body


class ExecCreate(Body, kw_only=True):
    """The body of ``POST /containers/{id}/exec``."""

    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: str = ""
    tty: bool = False
    env: list[str] = []
    cmd: list[str] = []
    privileged: bool = False
    user: str = ""
    working_dir: str = ""
    console_size: list[int] = []


class ExecStart(Body, kw_only=True):
    """The body of ``POST /exec/{id}/start``; ``tty`` here decides the framing of the answer."""

    detach: bool = False
    tty: bool = False
    console_size: list[int] = []


class ExecProcessConfig(Body, kw_only=True, rename=None):
    """The process of an exec; the API has these names in lower case."""

    tty: bool
    entrypoint: str
    arguments: list[str]
    privileged: bool
    user: str = ""


class ExecInspect(Body, kw_only=True):
    """The answer of ``GET /exec/{id}/json``; ``exit_code`` is null until the end."""

    id: str = msgspec.field(name="ID")
    running: bool
    exit_code: int | None
    process_config: ExecProcessConfig
    open_stdin: bool
    open_stderr: bool
    open_stdout: bool
    can_remove: bool
    container_id: str = msgspec.field(name="ContainerID")
    detach_keys: str
    pid: int
