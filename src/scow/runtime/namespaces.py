"""Namespace modes: what --network, --pid, --ipc, --uts, --cgroupns and --userns mean."""

from dataclasses import dataclass

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import HostConfig
from scow.spec.oci_runtime import Namespace, NamespaceType

HOST = "host"
_CONTAINER = "container:"


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Where each namespace comes from: None makes a new one, ``host`` is the host's, else the path of one.

    ``cgroup`` is the host's by default, as in Docker on version 1 of control groups.
    """

    network: str | None = None
    pid: str | None = None
    ipc: str | None = None
    uts: str | None = None
    cgroup: str | None = HOST


def to_oci(namespaces: Namespaces) -> list[Namespace]:
    """The document's list; a namespace of the host is one that is not in it."""
    sources: dict[NamespaceType, str | None] = {
        "mount": None,
        "network": namespaces.network,
        "uts": namespaces.uts,
        "pid": namespaces.pid,
        "ipc": namespaces.ipc,
        "cgroup": namespaces.cgroup,
    }
    return [
        Namespace(type=kind) if source is None else Namespace(type=kind, path=source)
        for kind, source in sources.items()
        if source != HOST
    ]


def donor_of(mode: str) -> str | None:
    """``container:NAME`` → NAME, which may be empty; None for any other mode."""
    return mode.removeprefix(_CONTAINER) if mode.startswith(_CONTAINER) else None


def is_private_network(mode: str) -> bool:
    """Whether the container has a network namespace of its own."""
    return mode != HOST and donor_of(mode) is None


def is_private_pid(mode: str) -> bool:
    """Whether the container has a process 1 of its own."""
    return mode != HOST and donor_of(mode) is None


def check_modes(host: HostConfig) -> None:
    """Raises InvalidArgumentError with Docker's message for a mode that does not exist."""
    if host.ipc_mode not in ("", "none", "private", HOST, "shareable") and donor_of(host.ipc_mode) is None:
        raise InvalidArgumentError(f"invalid IPC mode: {host.ipc_mode}")
    if host.pid_mode not in ("", HOST) and not donor_of(host.pid_mode):
        raise InvalidArgumentError(f"invalid PID mode: {host.pid_mode}")
    if host.uts_mode not in ("", HOST):
        raise InvalidArgumentError(f"invalid UTS mode: {host.uts_mode}")
    if host.cgroupns_mode not in ("", "private", HOST):
        raise InvalidArgumentError(f"invalid cgroup namespace mode: {host.cgroupns_mode}")
