"""What a control group has used: raw numbers of either version in one shape.

Formats: admin-guide/cgroup-v1/{memory,cpuacct,blkio-controller,pids} and cgroup-v2 of the kernel's documents.
A controller that the host lacks, or a group that is gone, reads as ``None``.
"""

import errno
import os
from dataclasses import dataclass

from scow.linux.cgroups import Cgroup

# Version 1 writes "no limit" as the largest page counter in bytes, which depends on the page size.
_UNLIMITED_FROM = 1 << 62


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """Bytes; ``limit_bytes`` is ``None`` for no limit, ``max_usage_bytes`` where the kernel does not keep it.

    ``failures``: version 1 how often the limit was hit, version 2 how often that ended in an OOM.
    ``detail`` is memory.stat as it stands.
    """

    usage_bytes: int
    max_usage_bytes: int | None
    limit_bytes: int | None
    failures: int
    detail: dict[str, int]


@dataclass(frozen=True, slots=True)
class CpuStats:
    """Nanoseconds of CPU time; ``per_cpu_ns`` is empty on version 2, which does not keep it."""

    total_ns: int
    user_ns: int
    system_ns: int
    per_cpu_ns: tuple[int, ...]
    periods: int
    throttled_periods: int
    throttled_ns: int


@dataclass(frozen=True, slots=True)
class BlkioEntry:
    """One counter of one block device; ``op`` is the kernel's word, "read" or "write" on version 2."""

    major: int
    minor: int
    op: str
    value: int


@dataclass(frozen=True, slots=True)
class BlkioStats:
    """Bytes moved, and operations done."""

    service_bytes: tuple[BlkioEntry, ...]
    serviced: tuple[BlkioEntry, ...]


@dataclass(frozen=True, slots=True)
class PidsStats:
    """Tasks; ``limit`` is ``None`` for no limit."""

    current: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class CgroupStats:
    """One reading of all controllers; not a snapshot: each file is read at its own moment."""

    memory: MemoryStats | None
    cpu: CpuStats | None
    blkio: BlkioStats | None
    pids: PidsStats | None


def read_stats(group: Cgroup) -> CgroupStats:
    """Read all of ``group``. About thirty microseconds a file, of which there are at most a dozen."""
    second = group.host.version == 2
    return CgroupStats(
        memory=(_memory_v2 if second else _memory_v1)(group),
        cpu=(_cpu_v2 if second else _cpu_v1)(group),
        blkio=(_blkio_v2 if second else _blkio_v1)(group),
        pids=_pids(group),
    )


def parse_flat(text: str) -> dict[str, int]:
    """A flat keyed file: one ``name number`` a line."""
    return {
        name: int(value) for name, _, value in (line.partition(" ") for line in text.splitlines()) if value
    }


def parse_blkio_v1(text: str) -> tuple[BlkioEntry, ...]:
    """Lines of ``major:minor Operation number``; the line of the sum over all devices is left out."""
    entries: list[BlkioEntry] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3:
            major, _, minor = fields[0].partition(":")
            entries.append(BlkioEntry(int(major), int(minor), fields[1], int(fields[2])))
    return tuple(entries)


def parse_io_stat(text: str) -> BlkioStats:
    """Version 2's io.stat: lines of ``major:minor rbytes=… wbytes=… rios=… wios=… …``."""
    moved: list[BlkioEntry] = []
    done: list[BlkioEntry] = []
    for line in text.splitlines():
        device, *fields = line.split()
        major, _, minor = device.partition(":")
        if not minor.isdecimal():
            continue
        values = dict(field.split("=", 1) for field in fields if "=" in field)
        for entries, read, write in ((moved, "rbytes", "wbytes"), (done, "rios", "wios")):
            for op, name in (("read", read), ("write", write)):
                if name in values:
                    entries.append(BlkioEntry(int(major), int(minor), op, int(values[name])))
    return BlkioStats(tuple(moved), tuple(done))


def _memory_v1(group: Cgroup) -> MemoryStats | None:
    files = _Files(group.directory("memory"))
    usage = files.number("memory.usage_in_bytes")
    if usage is None:
        return None
    return MemoryStats(
        usage_bytes=usage,
        max_usage_bytes=files.number("memory.max_usage_in_bytes"),
        limit_bytes=files.number("memory.limit_in_bytes"),
        failures=files.number("memory.failcnt") or 0,
        detail=parse_flat(files.text("memory.stat")),
    )


def _memory_v2(group: Cgroup) -> MemoryStats | None:
    files = _Files(group.directory("memory"))
    usage = files.number("memory.current")
    if usage is None:
        return None
    return MemoryStats(
        usage_bytes=usage,
        max_usage_bytes=files.number("memory.peak"),  # Linux 5.19
        limit_bytes=files.number("memory.max"),
        failures=parse_flat(files.text("memory.events")).get("oom", 0),
        detail=parse_flat(files.text("memory.stat")),
    )


def _cpu_v1(group: Cgroup) -> CpuStats | None:
    accounting, scheduling = _Files(group.directory("cpuacct")), _Files(group.directory("cpu"))
    total = accounting.number("cpuacct.usage")
    if total is None:
        return None
    throttling = parse_flat(scheduling.text("cpu.stat"))
    return CpuStats(
        total_ns=total,
        user_ns=accounting.number("cpuacct.usage_user") or 0,
        system_ns=accounting.number("cpuacct.usage_sys") or 0,
        per_cpu_ns=tuple(int(value) for value in accounting.text("cpuacct.usage_percpu").split()),
        periods=throttling.get("nr_periods", 0),
        throttled_periods=throttling.get("nr_throttled", 0),
        throttled_ns=throttling.get("throttled_time", 0),
    )


def _cpu_v2(group: Cgroup) -> CpuStats | None:
    values = parse_flat(_Files(group.directory("cpu")).text("cpu.stat"))
    if not values:
        return None
    return CpuStats(
        total_ns=values.get("usage_usec", 0) * 1000,
        user_ns=values.get("user_usec", 0) * 1000,
        system_ns=values.get("system_usec", 0) * 1000,
        per_cpu_ns=(),
        periods=values.get("nr_periods", 0),
        throttled_periods=values.get("nr_throttled", 0),
        throttled_ns=values.get("throttled_usec", 0) * 1000,
    )


def _blkio_v1(group: Cgroup) -> BlkioStats | None:
    files = _Files(group.directory("blkio"))
    if not files.exists():
        return None
    # BFQ keeps its own counts of what it schedules; under any other scheduler its files stay empty.
    moved, done = (
        parse_blkio_v1(files.text(f"blkio.bfq.{name}"))
        or parse_blkio_v1(files.text(f"blkio.throttle.{name}"))
        for name in ("io_service_bytes_recursive", "io_serviced_recursive")
    )
    return BlkioStats(moved, done)


def _blkio_v2(group: Cgroup) -> BlkioStats | None:
    files = _Files(group.directory("io"))
    return parse_io_stat(files.text("io.stat")) if files.exists() else None


def _pids(group: Cgroup) -> PidsStats | None:
    files = _Files(group.directory("pids"))
    current = files.number("pids.current")
    return None if current is None else PidsStats(current, files.number("pids.max"))


class _Files:
    """The files of one group in one hierarchy; what is not there reads as nothing."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory

    def exists(self) -> bool:
        return self._directory is not None and os.path.isdir(self._directory)

    def text(self, name: str) -> str:
        if self._directory is None:
            return ""
        try:
            with open(f"{self._directory}/{name}", encoding="ascii") as file:
                return file.read()
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP):
                return ""
            raise

    def number(self, name: str) -> int | None:
        """One number; ``None`` for "max", for what version 1 writes instead, and for nothing."""
        text = self.text(name).strip()
        if not text or text == "max":
            return None
        value = int(text)
        return None if value >= _UNLIMITED_FROM else value
