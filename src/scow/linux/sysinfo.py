"""Facts about the machine that do not change while the engine runs, and its clock of CPU time.

``root`` is put before every path: a recorded machine, in tests. A fact that a kernel does not give reads as
its absence, never as an error.
"""

import os
import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What ``/info`` says of the machine. ``ipv4_forwarding``: as found, before the engine turns it on."""

    memory_bytes: int
    swap_bytes: int
    cpu_count: int
    kernel_version: str
    architecture: str
    os_name: str
    os_version: str
    hostname: str
    seccomp: bool
    apparmor: bool
    selinux: bool
    cgroup_namespaces: bool
    ipv4_forwarding: bool


def read_machine_facts(root: str = "") -> MachineFacts:
    """Gather them all; some tens of file reads."""
    memory = parse_meminfo(_read(f"{root}/proc/meminfo"))
    name, version = parse_os_release(_read(f"{root}/etc/os-release") or _read(f"{root}/usr/lib/os-release"))
    names = os.uname()
    return MachineFacts(
        memory_bytes=memory.get("MemTotal", 0),
        swap_bytes=memory.get("SwapTotal", 0),
        cpu_count=len(os.sched_getaffinity(0)),
        kernel_version=names.release,
        architecture=names.machine,
        os_name=name,
        os_version=version,
        hostname=names.nodename,
        # Docker asks prctl(2) for filter mode; the list of actions is there exactly if that works.
        seccomp=os.path.exists(f"{root}/proc/sys/kernel/seccomp/actions_avail"),
        apparmor=_read(f"{root}/sys/module/apparmor/parameters/enabled") == "Y",
        selinux=os.path.exists(f"{root}/sys/fs/selinux/enforce"),
        cgroup_namespaces=os.path.exists(f"{root}/proc/self/ns/cgroup"),
        ipv4_forwarding=_read(f"{root}/proc/sys/net/ipv4/ip_forward") == "1",
    )


def host_cpu(root: str = "") -> tuple[int, int]:
    """CPU time of the whole machine since boot in ns, idle included, over all CPUs; and how many are online.

    The first seven columns of proc_stat(5), as Docker sums them: guest time is in user time already.
    """
    lines = [line.split() for line in _read(f"{root}/proc/stat").splitlines() if line.startswith("cpu")]
    ticks = sum(int(value) for value in lines[0][1:8]) if lines else 0
    return ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK")), max(0, len(lines) - 1)


def parse_meminfo(text: str) -> dict[str, int]:
    """proc_meminfo(5) in bytes; rows without a unit (page counts) are left out."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        match rest.split():
            case [number, "kB"]:
                found[name] = int(number) * 1024
    return found


def parse_os_release(text: str) -> tuple[str, str]:
    """Display name and version from os-release(5): PRETTY_NAME (or "Linux") and VERSION_ID (or "")."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if not separator or name.startswith("#"):
            continue
        try:
            values[name] = "".join(shlex.split(value))
        except ValueError:  # an unclosed quote: that line says nothing
            continue
    return values.get("PRETTY_NAME") or "Linux", values.get("VERSION_ID", "")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
