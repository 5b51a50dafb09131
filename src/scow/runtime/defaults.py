"""What a container gets where the client said nothing. Pure.

The result is what inspect shows: Docker writes these values into a container's settings at create, so that a
later change of the engine's configuration leaves existing containers as they are.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from scow.runtime.bundle import masked_paths, read_only_paths
from scow.runtime.host_facts import HostFacts
from scow.runtime.namespaces import HOST
from scow.spec.engine_api.container import HostConfig, LogConfig, RestartPolicy


class EngineDefaults(Protocol):
    """The part of the engine's configuration that new containers take over."""

    @property
    def default_runtime(self) -> str: ...
    @property
    def log_driver(self) -> str: ...
    @property
    def log_opts(self) -> Mapping[str, str]: ...
    @property
    def default_shm_size_bytes(self) -> int: ...
    @property
    def default_ipc_mode(self) -> str: ...
    @property
    def default_cgroupns_mode(self) -> str: ...


def fill_host_config(asked: HostConfig, engine: EngineDefaults, facts: HostFacts) -> HostConfig:
    """A copy of ``asked`` with every default filled in."""
    pids_limit = asked.pids_limit if asked.pids_limit is not None and asked.pids_limit > 0 else None
    masked, read_only = asked.masked_paths, asked.readonly_paths
    if not asked.privileged:
        masked = masked_paths(facts) if masked is None else masked
        read_only = read_only_paths() if read_only is None else read_only
    return msgspec.structs.replace(
        asked,
        # Docker doubles memory where only that is given: as much swap again.
        memory_swap=asked.memory_swap or max(asked.memory * 2, 0),
        oom_kill_disable=bool(asked.oom_kill_disable),
        pids_limit=pids_limit,
        shm_size=asked.shm_size or engine.default_shm_size_bytes,
        ipc_mode=asked.ipc_mode or engine.default_ipc_mode,
        cgroupns_mode=asked.cgroupns_mode or _cgroupns_mode(asked, engine, facts),
        network_mode="bridge" if asked.network_mode in ("", "default") else asked.network_mode,
        restart_policy=asked.restart_policy if asked.restart_policy.name else RestartPolicy(name="no"),
        runtime=asked.runtime or engine.default_runtime,
        log_config=_log_config(asked.log_config, engine),
        security_opt=_security_options(asked),
        masked_paths=masked,
        readonly_paths=read_only,
    )


def _cgroupns_mode(asked: HostConfig, engine: EngineDefaults, facts: HostFacts) -> str:
    """Privileged containers of version 1 manage control groups by the host's paths."""
    if facts.cgroup_version == 1 and asked.privileged:
        return HOST
    return engine.default_cgroupns_mode or (HOST if facts.cgroup_version == 1 else "private")


def _log_config(asked: LogConfig, engine: EngineDefaults) -> LogConfig:
    """The engine's options apply to its own driver only."""
    if asked.type and asked.type != engine.log_driver:
        return asked
    return LogConfig(type=engine.log_driver, config={**engine.log_opts, **asked.config})


def _security_options(asked: HostConfig) -> list[str] | None:
    """Who shares processes or memory with the host cannot be confined by SELinux labels."""
    given = asked.security_opt
    if any(option.split("=")[0] == "label" for option in given or ()):
        return given
    shares = asked.privileged or HOST in (asked.ipc_mode, asked.pid_mode)
    return [*(given or ()), "label=disable"] if shares else given
