"""Traffic of network interfaces, also of those in another process's network namespace (proc_pid_net(5)).

``/proc/PID/net`` is the namespace of that process, so its counters are read without entering it.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InterfaceCounters:
    """What one interface has received and sent since it was made."""

    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


def read_interface_counters(pid: int) -> dict[str, InterfaceCounters]:
    """Every interface that process ``pid`` sees, by name; empty when the process has ended."""
    try:
        with open(f"/proc/{pid}/net/dev", encoding="utf-8", errors="replace") as file:
            return dict(parse_net_dev(file.read()))
    except OSError:
        # ENOENT, ESRCH, or EINVAL of a process that waits to be reaped.
        return {}


def parse_net_dev(text: str) -> Iterator[tuple[str, InterfaceCounters]]:
    """The lines of ``net/dev``: a name, eight columns for what came in, eight for what went out."""
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        fields = rest.split()
        if not colon or len(fields) < 16:
            continue
        numbers = [int(field) for field in fields]
        yield name.strip(), InterfaceCounters(*numbers[:4], *numbers[8:12])
