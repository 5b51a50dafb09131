"""Checks of a container's settings at create, with Docker's messages. Pure.

What cannot be right is refused here; what is right but cannot be had on this host is dropped with a warning.
Checks of what changes with time (a donor of namespaces that runs, a source that exists) happen at start.
"""

import re
from collections.abc import Iterable

import msgspec

from scow.errors import InvalidArgumentError
from scow.runtime import capabilities
from scow.runtime.host_facts import HostFacts
from scow.runtime.identity import parse_extra_host
from scow.runtime.namespaces import HOST, check_modes, donor_of
from scow.runtime.security import parse_security_options
from scow.runtime.ulimits import ceiling_warnings, check_ulimits
from scow.runtime.validate_resources import validate_resources
from scow.spec.engine_api.container import ContainerConfig, HealthConfig, HostConfig, RestartPolicy

_MAX_HOSTNAME = 64  # HOST_NAME_MAX, linux/limits.h
_MIN_HEALTH_NS = 1_000_000
_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)
_PROTOCOLS = ("tcp", "udp", "sctp")


def validate_container(config: ContainerConfig, host: HostConfig, facts: HostFacts) -> list[str]:
    """Check all settings of a new container, defaults filled in; returns warnings.

    Raises InvalidArgumentError. Limits that this host cannot keep are dropped from ``host``.
    """
    _check_network_mode(config, host)
    if host.isolation.lower() not in ("", "default"):
        raise InvalidArgumentError(f"invalid isolation ({host.isolation}): linux only supports 'default'")
    _check_config(config)
    _check_host(host, facts)
    return [
        *validate_resources(host, facts),
        *ceiling_warnings(host.ulimits or (), facts.hard_limits),
        *_mode_warnings(host, facts),
    ]


def _check_network_mode(config: ContainerConfig, host: HostConfig) -> None:
    if host.uts_mode == HOST and config.hostname:
        raise InvalidArgumentError("conflicting options: hostname and the UTS mode")
    if host.network_mode == HOST and host.links:
        raise InvalidArgumentError(
            "conflicting options: host type networking can't be used with links. This would result in "
            "undefined behavior"
        )
    donor = donor_of(host.network_mode)
    if donor is None and host.network_mode != "container":
        return
    if not donor:
        raise InvalidArgumentError("invalid network mode: invalid container format container:<name|id>")
    conflicts = (
        (config.hostname, "hostname and the network mode"),
        (
            host.links,
            "container type network can't be used with links. This would result in undefined behavior",
        ),
        (host.dns, "dns and the network mode"),
        (host.extra_hosts, "custom host-to-IP mapping and the network mode"),
        (
            host.port_bindings or host.publish_all_ports,
            "port publishing and the container type network mode",
        ),
        (config.exposed_ports, "port exposing and the container type network mode"),
    )
    for given, what in conflicts:
        if given:
            raise InvalidArgumentError(f"conflicting options: {what}")


def _check_config(config: ContainerConfig) -> None:
    if len(config.hostname.encode()) > _MAX_HOSTNAME:
        raise InvalidArgumentError(
            f'hostname "{config.hostname}" is too long (maximum {_MAX_HOSTNAME} bytes)'
        )
    for entry in config.env or ():
        if not entry.partition("=")[0]:
            raise InvalidArgumentError(f"invalid environment variable: {entry}")
    if config.healthcheck is not msgspec.UNSET:
        _check_health(config.healthcheck)


def _check_health(health: HealthConfig) -> None:
    times = (
        ("Interval", health.interval),
        ("Timeout", health.timeout),
        ("StartPeriod", health.start_period),
        ("StartInterval", health.start_interval),
    )
    for name, value in times:
        if value != 0 and value < _MIN_HEALTH_NS:
            raise InvalidArgumentError(f"{name} in Healthcheck cannot be less than 1ms")
    if health.retries < 0:
        raise InvalidArgumentError("Retries in Healthcheck cannot be negative")


def _check_host(host: HostConfig, facts: HostFacts) -> None:
    if host.auto_remove and host.restart_policy.name not in ("", "no"):
        raise InvalidArgumentError("can't create 'AutoRemove' container with restart policy")
    for extra in host.extra_hosts or ():
        parse_extra_host(extra)
    _check_ports(host)
    check_restart_policy(host.restart_policy)
    _check_capabilities("CapAdd", host.cap_add or (), facts)
    _check_capabilities("CapDrop", host.cap_drop or (), facts)
    if "" in (host.annotations or {}):
        raise InvalidArgumentError(
            "invalid Annotations: the empty string is not permitted as an annotation key"
        )
    check_modes(host)
    if host.shm_size < 0:
        raise InvalidArgumentError("SHM size can not be less than 0")
    if not -1000 <= host.oom_score_adj <= 1000:
        raise InvalidArgumentError(
            f"Invalid value {host.oom_score_adj}, range for oom score adj is [-1000, 1000]"
        )
    for destination in host.tmpfs or ():
        _check_tmpfs(destination)
    parse_security_options(host.security_opt or ())
    check_ulimits(host.ulimits or ())


def _check_ports(host: HostConfig) -> None:
    for port, bindings in (host.port_bindings or {}).items():
        number, _, protocol = port.partition("/")
        if not _is_port(number) or number == "0" or protocol.lower() not in ("", *_PROTOCOLS):
            raise InvalidArgumentError(f'invalid port specification: "{port}"')
        for binding in bindings or ():
            if binding.host_port and not _is_port(binding.host_port):
                raise InvalidArgumentError(f'invalid port specification: "{binding.host_port}"')


def _is_port(text: str) -> bool:
    """A port, or an ascending range of ports."""
    match = _PORT.fullmatch(text)
    if match is None:
        return False
    first, last = int(match[1]), int(match[2] or match[1])
    return first <= last <= 65535


def check_restart_policy(policy: RestartPolicy) -> None:
    """Raises InvalidArgumentError with Docker's messages."""
    count = policy.maximum_retry_count
    match policy.name:
        case "no" | "always" | "unless-stopped" if count:
            negative = " and cannot be negative" if count < 0 else ""
            raise InvalidArgumentError(
                "invalid restart policy: maximum retry count can only be used with 'on-failure'" + negative
            )
        case "on-failure" if count < 0:
            raise InvalidArgumentError("invalid restart policy: maximum retry count cannot be negative")
        case "" | "no" | "always" | "unless-stopped" | "on-failure":
            return
    raise InvalidArgumentError(
        f"invalid restart policy: unknown policy '{policy.name}'; use one of 'no', 'always', 'on-failure', "
        "or 'unless-stopped'"
    )


def _check_capabilities(field: str, names: Iterable[str], facts: HostFacts) -> None:
    try:
        capabilities.normalize(names, facts.capabilities)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid {field}: {exc.message}") from exc


def _check_tmpfs(destination: str) -> None:
    if not destination.strip("/"):
        raise InvalidArgumentError("invalid specification: destination can't be '/'")
    if not destination.startswith("/"):
        raise InvalidArgumentError(f"invalid mount path: '{destination}' mount path must be absolute")


def _mode_warnings(host: HostConfig, facts: HostFacts) -> list[str]:
    warnings = []
    if host.network_mode == HOST and host.port_bindings:
        warnings.append("Published ports are discarded when using host network mode")
    if host.cgroupns_mode == "private" and not facts.machine.cgroup_namespaces:
        warnings.append(
            "Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded."
        )
    return warnings
