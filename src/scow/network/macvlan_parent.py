"""The host's interface that a macvlan network is on: one that is there, or one made for the network.

    eth0        has to be there
    eth0.10     VLAN 10 of eth0; made if it is not there, and then it goes with the last network on it
    none        a segment of its own: one end of a device pair whose other end leads nowhere

Docker has a dummy device for the last. A pair does the same, on kernels without dummies too. Functions block
on the kernel's netlink lock.
"""

import os
import threading
from pathlib import Path

from scow.errors import ScowError
from scow.linux import rtnetlink
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket

_NO_IPV6 = "/proc/sys/net/ipv6/conf/{}/disable_ipv6"
_VLAN_IDS = range(1, 4095)


def own_segment(network_id: str) -> str:
    """What the parent of a network without one is called, as in Docker."""
    return f"dm-{network_id[:12]}"


class MadeParents:
    """The interfaces that were made for networks: one goes with the last network that is on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held while an interface is made or removed
        self._networks: dict[str, set[str]] = {}

    def take(self, name: str, network_id: str) -> int:
        """Its index, made if it is not there; no error if taken before. Raises as ``ensure_parent``."""
        with self._lock:
            index = ensure_parent(name, network_id, may_make=True)
            self._networks.setdefault(name, set()).add(network_id)
            return index

    def give_back(self, name: str, network_id: str) -> None:
        """No error if it was not taken. Raises OSError."""
        with self._lock:
            networks = self._networks.setdefault(name, set())
            networks.discard(network_id)
            if not networks:
                del self._networks[name]
                remove_parent(name)


def ensure_parent(name: str, network_id: str, *, may_make: bool) -> int:
    """The index of the parent, made if ``may_make``. Raises ScowError in Docker's words, OSError."""
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        link = rtnetlink.find_link(sock, name)
        if link is None and may_make:
            if name == own_segment(network_id):
                _make_segment(sock, name)
            else:
                _make_vlan(sock, name)
            link = rtnetlink.find_link(sock, name)
        if link is None:
            raise ScowError(f"-o parent interface was not found on the host: {name}")
        return link.index


def remove_parent(name: str) -> None:
    """Of one that was made; no error if it is gone. Raises OSError."""
    with NetlinkSocket(NETLINK_ROUTE) as sock:
        link = rtnetlink.find_link(sock, name)
        if link is not None and link.kind in ("veth", "vlan"):
            sock.execute(rtnetlink.delete_link(link.index))


def parse_vlan(name: str) -> tuple[str, int]:
    """``eth0.10`` as the device and the id. Raises ScowError in Docker's words."""
    device, dot, number = name.rpartition(".")
    if not (dot and device):
        raise ScowError(f"invalid subinterface vlan name {name}, example formatting is eth0.10")
    if not (number.isascii() and number.isdecimal()):
        raise ScowError(f"unable to parse a valid vlan id from: {number} (ex. eth0.10 for vlan 10)")
    if int(number) not in _VLAN_IDS:
        raise ScowError(f"vlan id must be between 1-4094, received: {number}")
    return device, int(number)


def _make_vlan(sock: NetlinkSocket, name: str) -> None:
    device, number = parse_vlan(name)
    below = rtnetlink.find_link(sock, device)
    if below is None:
        raise ScowError(f"-o parent interface was not found on the host: {device}")
    try:
        sock.execute(rtnetlink.vlan(name, below.index, number))
    except OSError as exc:
        raise ScowError(f"failed to create {name} vlan link: {os.strerror(exc.errno or 0).lower()}") from exc


def _make_segment(sock: NetlinkSocket, name: str) -> None:
    """Without IPv6 at either end, or the host would be on it with addresses of its own making."""
    far = f"dp-{name.partition('-')[2]}"
    sock.execute(rtnetlink.loose_pair(name, far))
    for end in (name, far):
        _switch_ipv6_off(end)
        link = rtnetlink.find_link(sock, end)
        if link is not None:
            sock.execute(rtnetlink.link_up(link.index))


def _switch_ipv6_off(device: str) -> None:
    path = Path(_NO_IPV6.format(device))
    if path.exists():
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"1")
        finally:
            os.close(fd)
