"""Values of options, by the option's name."""

import os

from scow.cli.completion import objects
from scow.cli.completion.answers import FILES, NO_FILES, NO_SPACE, NOTHING, Answer, prefixed, suffixed
from scow.cli.global_flags import LOG_LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Completer = Callable[[Invocation, Flags, str], Answer]

_CAPABILITIES = """
chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct
sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap
mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore
"""
_LIMITS = """
as chroot core cpu data fsize locks maxlogins maxsyslogins memlock msgqueue nice nofile nproc priority rss
rtprio sigpending stack
"""
_LOG_OPTIONS = {
    "fluentd": "fluentd-address fluentd-async fluentd-buffer-limit fluentd-max-retries fluentd-request-ack "
    "fluentd-retry-wait fluentd-sub-second-precision fluentd-write-timeout",
    "gelf": "gelf-address gelf-compression-level gelf-compression-type gelf-tcp-max-reconnect "
    "gelf-tcp-reconnect-delay",
    "journald": "",
    "json-file": "compress max-file max-size",
    "local": "compress max-file max-size",
    "none": "",
    "syslog": "syslog-address syslog-facility syslog-format syslog-tls-ca-cert syslog-tls-cert "
    "syslog-tls-key syslog-tls-skip-verify",
}
_ANY_LOG_OPTIONS = "max-buffer-size mode"
_NAMING_LOG_OPTIONS = "env env-regex labels labels-regex tag"
"""Of drivers that put attributes of the container into the log."""
_PLATFORMS = """
linux/386 linux/amd64 linux/arm linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/arm64/v8
linux/ppc64le linux/s390x linux/riscv64 windows/amd64 wasip1/wasm
"""
_EVENT_FILTERS = "container daemon event image label network node scope type volume"
_EVENT_TYPES = "builder config container daemon image network node plugin secret service volume"
_EVENTS = """
attach checkpoint commit connect copy create delete destroy detach die disable disconnect enable exec_create
exec_detach exec_die exec_start export health_status import kill load mount oom pause prune pull push reload
rename resize restart save start stop tag top unmount unpause untag update
"""
_INSPECT_TYPES = "config container image network node plugin secret service task volume"


def complete_value(invocation: "Invocation", name: str, flags: "Flags", current: str) -> "Answer | None":
    """Values of ``--name``; None when nothing is known about it."""
    if name in _FIXED:
        return Answer(list(_FIXED[name]))
    completer = _COMPLETERS.get(name)
    return completer(invocation, flags, current) if completer else None


def _signals(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    import signal

    names = [number.name.removeprefix("SIG") for number in signal.Signals]
    room = signal.SIGRTMAX - signal.SIGRTMIN
    names += (f"RTMIN+{place}" for place in range(1, room // 2 + 1))
    names += (f"RTMAX-{place}" for place in range(1, room - room // 2))
    return Answer(names)


def _environment(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """Names only: values may be secrets, and the name alone takes the value along."""
    return Answer(sorted(os.environ))


def _namespace(*others: str) -> "Completer":
    def complete(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
        if current.startswith("container:"):
            return prefixed("container:", objects.containers(invocation))
        if current and "container:".startswith(current):
            return Answer(["container:"], NO_SPACE)
        return Answer(["container:", *others])

    return complete


def _links(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return suffixed(objects.containers(invocation), ":")


def _log_drivers(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return objects.plugins(invocation, "Log", list(_LOG_OPTIONS))


def _log_options(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    known = flags["log-driver"] in _LOG_OPTIONS
    drivers = [flags["log-driver"]] if known else list(_LOG_OPTIONS)
    names: set[str] = set()
    for driver in drivers:
        if driver != "none":
            own = "" if driver == "local" else _NAMING_LOG_OPTIONS
            names.update(f"{_LOG_OPTIONS[driver]} {own} {_ANY_LOG_OPTIONS}".split())
    return Answer([f"{name}=" for name in sorted(names)], NO_SPACE | NO_FILES if known else NO_SPACE)


def _security(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    if current.startswith("label="):
        labels = ("disable", "level:", "role:", "type:", "user:")
        return Answer([f"label={label}" for label in labels], NO_SPACE | NO_FILES)
    if current.startswith("seccomp="):
        return Answer(["seccomp=unconfined"])
    kinds = ["apparmor=", "label=", "no-new-privileges", "seccomp=", "systempaths=unconfined"]
    fitting = [kind for kind in kinds if kind.startswith(current)]
    if len(fitting) == 1 and fitting[0].endswith("="):
        return Answer(fitting, NO_SPACE)
    return Answer(kinds)


def _filters(invocation: "Invocation", flags: "Flags", current: str) -> "Answer":
    """``events --filter``: names first, then what each takes."""
    name, equals, _ = current.partition("=")
    if not equals:
        return Answer([f"{name}=" for name in _EVENT_FILTERS.split()], NO_SPACE)
    found = {"event": _EVENTS, "type": _EVENT_TYPES, "scope": "local swarm"}.get(name)
    if found is not None:
        return prefixed(f"{name}=", Answer(found.split()))
    lists = {
        "container": objects.containers,
        "image": objects.images,
        "network": objects.networks,
        "volume": objects.volumes,
    }
    return prefixed(f"{name}=", lists[name](invocation)) if name in lists else NOTHING


def _contexts(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return objects.contexts(invocation)


def _networks(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return objects.networks(invocation)


def _containers(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return objects.containers(invocation)


def _volume_drivers(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return objects.plugins(invocation, "Volume", ["local"])


def _files(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return FILES


def _more(*values: str) -> "Completer":
    return lambda invocation, flags, current: Answer(list(values), NO_SPACE)


_FIXED = {
    "attach": ("stderr", "stdin", "stdout"),
    "cap-add": ("ALL", *(f"CAP_{name.upper()}" for name in _CAPABILITIES.split())),
    "cap-drop": ("ALL", *(f"CAP_{name.upper()}" for name in _CAPABILITIES.split())),
    "cgroupns": ("host", "private"),
    "log-level": tuple(level for level in LOG_LEVELS if level not in ("trace", "warning")),
    "platform": tuple(_PLATFORMS.split()),
    "pull": ("always", "missing", "never"),
    "restart": ("no", "always", "on-failure", "unless-stopped"),
    "type": tuple(_INSPECT_TYPES.split()),
    "userns": ("host",),
    "uts": ("host",),
}
_COMPLETERS: "dict[str, Completer]" = {
    "context": _contexts,
    "detach-keys": _more("ctrl-"),
    "env": _environment,
    "env-file": _files,
    "filter": _filters,
    "ipc": _namespace("host", "none", "private", "shareable"),
    "label-file": _files,
    "link": _links,
    "log-driver": _log_drivers,
    "log-opt": _log_options,
    "network": _networks,
    "pid": _namespace("host"),
    "security-opt": _security,
    "signal": _signals,
    "stop-signal": _signals,
    "storage-opt": _more("size="),
    "ulimit": _more(*(f"{name}=" for name in _LIMITS.split())),
    "volume-driver": _volume_drivers,
    "volumes-from": _containers,
}
