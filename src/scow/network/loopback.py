"""The network of a container that has none: loopback."""

from scow.linux import rtnetlink
from scow.linux.namespaces import enter_netns
from scow.linux.netlink import NETLINK_ROUTE, NetlinkSocket


def loopback_up(netns_fd: int) -> None:
    """Set the loopback device of a namespace up; 127.0.0.1 and ::1 come with it. Raises OSError."""
    with enter_netns(netns_fd):
        sock = NetlinkSocket(NETLINK_ROUTE)
    with sock:
        sock.execute(rtnetlink.link_up(rtnetlink.LOOPBACK_INDEX))
