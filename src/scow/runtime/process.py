"""The process of a container, and of an exec in it, for the OCI document.

Environment in Docker's order: PATH, HOSTNAME, TERM (with a terminal), then links, then what the image and the
user set, which replaces any of these in its place. HOME is the runtime's: it knows the passwd file.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from scow.linux.capabilities import CAPABILITIES
from scow.runtime.users import ResolvedUser
from scow.spec.oci_runtime import Box, Capabilities, Process, User

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def container_environment(
    config_env: Iterable[str], hostname: str, *, tty: bool, links: Iterable[str] = ()
) -> list[str]:
    """The variables a process starts with; ``config_env`` is the container's own ``Config.Env``."""
    base = [f"PATH={DEFAULT_PATH}", f"HOSTNAME={hostname}"]
    if tty:
        base.append("TERM=xterm")
    return override_environment([*base, *links], config_env)


def override_environment(base: Iterable[str], over: Iterable[str]) -> list[str]:
    """``base`` with the variables of ``over`` in place of those of the same name, new ones at the end.

    An entry of ``over`` without ``=`` takes that variable away.
    """
    values = {entry.partition("=")[0]: entry for entry in base}
    for entry in over:
        name, assigned, _ = entry.partition("=")
        if assigned:
            values[name] = entry
        else:
            values.pop(name, None)
    return list(values.values())


def oci_user(user: ResolvedUser) -> User:
    """The numbers as the document has them."""
    return User(uid=user.uid, gid=user.gid, additionalGids=list(user.groups))


def oci_capabilities(names: Sequence[str]) -> Capabilities:
    """No inheritable and no ambient set: a program run by an ordinary user starts with nothing."""
    return Capabilities(bounding=list(names), effective=list(names), permitted=list(names))


def console_size(size: Sequence[int]) -> Box | None:
    """``[height, width]`` of the API; None where it says nothing."""
    if len(size) != 2 or not any(side > 0 for side in size):
        return None
    return Box(height=max(size[0], 0), width=max(size[1], 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecRequest:
    """A further process. ``env`` is complete (``exec_environment``); ``user`` None is the container's."""

    args: Sequence[str]
    env: Sequence[str]
    cwd: str = "/"
    user: ResolvedUser | None = None
    tty: bool = False
    console_size: Sequence[int] = ()
    privileged: bool = False


def process_for_exec(base: Process, request: ExecRequest, available: Collection[str]) -> Process:
    """The process document of an exec: that of the container, ``base``, with its own program and place.

    Limits, security profile and capabilities are the container's; ``privileged`` gives all ``available``
    capabilities and no more: the container's seccomp filter stays, as in Docker.
    """
    process = Process(
        terminal=request.tty,
        user=oci_user(request.user) if request.user else base["user"],
        args=list(request.args),
        env=list(request.env),
        cwd=request.cwd or "/",
        capabilities=base["capabilities"],
    )
    if request.privileged:
        process["capabilities"] = oci_capabilities([name for name in CAPABILITIES if name in available])
    if request.tty and (size := console_size(request.console_size)):
        process["consoleSize"] = size
    if "rlimits" in base:
        process["rlimits"] = base["rlimits"]
    if "noNewPrivileges" in base:
        process["noNewPrivileges"] = base["noNewPrivileges"]
    if "apparmorProfile" in base:
        process["apparmorProfile"] = base["apparmorProfile"]
    if "selinuxLabel" in base:
        process["selinuxLabel"] = base["selinuxLabel"]
    if "oomScoreAdj" in base:
        process["oomScoreAdj"] = base["oomScoreAdj"]
    return process


def exec_environment(
    config_env: Iterable[str],
    hostname: str,
    *,
    tty: bool,
    own: Iterable[str] = (),
    links: Iterable[str] = (),
) -> list[str]:
    """The variables of an exec: the container's, made anew for ``tty``, under the exec's ``own``."""
    return override_environment(container_environment(config_env, hostname, tty=tty, links=links), own)
