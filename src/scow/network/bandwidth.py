"""How fast an endpoint may receive and send: driver options of an endpoint, and the kernel's token buckets.

    com.scow.bandwidth.ingress=10mbit   what the container receives
    com.scow.bandwidth.egress=1gbit     what it sends

Each is a token bucket (tc-tbf(8)) at the end of the pair that sends in that direction, so a program that
sends faster is held up rather than cut off.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scow.errors import InvalidArgumentError
from scow.linux import qdisc
from scow.linux.netlink import NetlinkSocket

INGRESS = "com.scow.bandwidth.ingress"
EGRESS = "com.scow.bandwidth.egress"
_RATE = re.compile(r"(\d+(?:\.\d+)?)(bit|kbit|mbit|gbit)?")
_BITS = {None: 1, "bit": 1, "kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}
_MIN_BYTES_PER_S = 1_000
# What may be sent at once, and wait: long enough for the kernel's clock, short enough for a conversation.
_BURST_S = 0.01
_QUEUE_S = 0.1
# A packet of generic segmentation offload.
_MAX_PACKET_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """0 is no limit."""

    ingress_bytes_per_s: int = 0
    egress_bytes_per_s: int = 0


def limits(options: Mapping[str, str]) -> Limits:
    """Out of an endpoint's driver options. Raises InvalidArgumentError."""
    return Limits(_rate(INGRESS, options), _rate(EGRESS, options))


def limit_sending(sock: NetlinkSocket, index: int, bytes_per_s: int, mtu: int) -> None:
    """Let a device send no faster; 0 leaves it as it is. Raises OSError."""
    if bytes_per_s:
        burst = max(int(bytes_per_s * _BURST_S), _MAX_PACKET_BYTES, mtu)
        queue = burst + int(bytes_per_s * _QUEUE_S)
        sock.execute(qdisc.token_bucket(index, bytes_per_s=bytes_per_s, burst=burst, queue_bytes=queue))


def _rate(name: str, options: Mapping[str, str]) -> int:
    text = options.get(name, "")
    if not text:
        return 0
    match = _RATE.fullmatch(text.lower())
    if match is None:
        raise InvalidArgumentError(f"invalid {name}: {text!r}: a rate is like 10mbit or 500kbit")
    found = int(float(match[1]) * _BITS[match[2]] / 8)
    if found < _MIN_BYTES_PER_S:
        raise InvalidArgumentError(f"invalid {name}: {text!r}: the lowest rate is 8kbit")
    return found
