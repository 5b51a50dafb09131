"""What a machine runs by itself besides plain programs of its architecture: newer levels of it, and 32 bits.

The levels of amd64 and the features that make them are those of the x86-64 psABI ("Micro-architecture
levels"), by the names that /proc/cpuinfo has.
"""

from contextlib import suppress
from pathlib import Path

from scow.spec.platform import Platform

_LEVELS = (
    ("v2", {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}),
    ("v3", {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}),
    ("v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
)
# There only in a kernel that runs programs of 32 bits (CONFIG_COMPAT_32, arch/x86/entry/vdso/vdso32-setup.c).
_COMPAT = Path("sys/abi/vsyscall32")


def own_platforms(host: Platform, proc: Path = Path("/proc")) -> tuple[Platform, ...]:
    """``host`` first, and nothing else for other machines than amd64. Blocks."""
    if host.architecture != "amd64":
        return (host,)
    found = [host]
    features = _features(proc / "cpuinfo")
    for level, needed in _LEVELS:
        if not needed <= features:
            break
        found.append(Platform(host.os, host.architecture, level))
    if (proc / _COMPAT).exists():
        found.append(Platform(host.os, "386"))
    return tuple(found)


def _features(cpuinfo: Path) -> set[str]:
    """Of the first processor; empty where it cannot be told."""
    with suppress(OSError), cpuinfo.open() as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() == "flags":
                return set(value.split())
    return set()
