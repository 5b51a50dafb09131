"""Capabilities of this process (capabilities(7))."""

from collections.abc import Collection

from scow.linux import syscalls

# In the order of their numbers (linux/capability.h); the last is of Linux 5.9.
CAPABILITIES: tuple[str, ...] = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)


def effective() -> frozenset[str]:
    """What this process may do now."""
    return _own_set("CapEff")


def bounding() -> frozenset[str]:
    """The most that this process and its children can ever gain."""
    return _own_set("CapBnd")


def limit_to(names: Collection[str], had: Collection[str], bound: Collection[str]) -> None:
    """Give up all others, for this thread and for good; those of ``names`` that it ``had``, it keeps.

    For a process of one thread, that may have lost sight of /proc: ``bound`` are its bounding set. Needs
    CAP_SETPCAP. Raises ``OSError``.
    """
    droppable = set(bound).difference(names)
    for number, name in enumerate(CAPABILITIES):
        if name in droppable:
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, number)
    kept = set(had).intersection(names)
    syscalls.capset(sum(1 << number for number, name in enumerate(CAPABILITIES) if name in kept))


def parse_status(text: str, name: str) -> frozenset[str]:
    """The set ``name`` ("CapEff", "CapBnd", …) of a /proc/PID/status text; unknown bits are left out."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            bits = int(value, 16)
            return frozenset(cap for number, cap in enumerate(CAPABILITIES) if bits >> number & 1)
    raise ValueError(f"no {name} line in a process status")


def _own_set(name: str) -> frozenset[str]:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        return parse_status(file.read(), name)
