"""The columns of ``stats`` from what the engine sends: shares, sums and sizes. Pure."""

from scow.cli.templates.values import Adapter
from scow.cli.units import bytes_size, human_size, truncate_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Sample = dict[str, Any]

HEADERS = {
    "Container": "CONTAINER",
    "Name": "NAME",
    "ID": "CONTAINER ID",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}
COLUMNS = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
_NO_VALUE = "--"


def stats_row(container: str, sample: "Sample | None", *, truncate: bool, valid: bool) -> Adapter:
    """The row of the container that was asked for as ``container``.

    ``sample`` is the last that came, None for none yet; with ``valid`` off its figures are not shown.
    """
    found = sample or {}
    identifier = found.get("id") or ""
    columns: dict[str, object] = {
        "Container": container,
        "Name": found.get("name", "")[1:] or _NO_VALUE,
        "ID": truncate_id(identifier) if truncate else identifier,
        **dict.fromkeys(("CPUPerc", "MemPerc", "NetIO", "BlockIO", "PIDs"), _NO_VALUE),
        "MemUsage": "-- / --",
    }
    if valid:
        columns.update(_figures(found))
    return Adapter("*container.statsContext", columns)


def _figures(sample: "Sample") -> dict[str, object]:
    memory = sample.get("memory_stats") or {}
    used, limit = memory_used(memory), memory.get("limit") or 0
    received, sent = _network_bytes(sample)
    read, written = _block_bytes(sample)
    return {
        "CPUPerc": f"{cpu_percent(sample):.2f}%",
        "MemUsage": f"{bytes_size(used)} / {bytes_size(limit)}",
        "MemPerc": f"{used / limit * 100 if limit else 0:.2f}%",
        "NetIO": f"{human_size(received, 3)} / {human_size(sent, 3)}",
        "BlockIO": f"{human_size(read, 3)} / {human_size(written, 3)}",
        "PIDs": str((sample.get("pids_stats") or {}).get("current") or 0),
    }


def cpu_percent(sample: "Sample") -> float:
    """Of one processor, between the sample and the one before it: 200 is two processors busy."""
    now, before = sample.get("cpu_stats") or {}, sample.get("precpu_stats") or {}
    used = _total_usage(now) - _total_usage(before)
    passed = (now.get("system_cpu_usage") or 0) - (before.get("system_cpu_usage") or 0)
    if used <= 0 or passed <= 0:
        return 0.0
    processors = now.get("online_cpus") or len((now.get("cpu_usage") or {}).get("percpu_usage") or ())
    return float(used / passed * processors * 100)


def _total_usage(stats: "Sample") -> int:
    return int((stats.get("cpu_usage") or {}).get("total_usage") or 0)


def memory_used(memory: "Sample") -> int:
    """Bytes without the page cache that could be dropped at once (cgroup v1 and v2 name it differently)."""
    usage = int(memory.get("usage") or 0)
    stats = memory.get("stats") or {}
    for name in ("total_inactive_file", "inactive_file"):
        inactive = stats.get(name, 0 if name == "inactive_file" else None)
        if inactive is not None and inactive < usage:
            return usage - int(inactive)
    return usage


def _network_bytes(sample: "Sample") -> tuple[int, int]:
    networks = (sample.get("networks") or {}).values()
    return sum(item["rx_bytes"] for item in networks), sum(item["tx_bytes"] for item in networks)


def _block_bytes(sample: "Sample") -> tuple[int, int]:
    entries = (sample.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    totals = {"r": 0, "w": 0}
    for entry in entries:
        kind = (entry.get("op") or "")[:1].lower()
        if kind in totals:
            totals[kind] += entry["value"]
    return totals["r"], totals["w"]
