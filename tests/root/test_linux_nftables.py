"""Texts and elements in the packet filter of a namespace of their own, and who is told of changes."""

import errno
import os
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from scow.linux import nf_tables, nftables
from scow.linux.namespaces import create_netns, enter_netns
from scow.linux.netlink import NETLINK_NETFILTER, NetlinkSocket
from scow.linux.nf_tables import SUBSYSTEM, Device, Element, Mac, Protocol, TableWatch
from scow.linux.nftables import NftablesError
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("nft")]

MAP = """
table inet t {
    map m { type inet_proto . inet_service : ipv4_addr . inet_service; }
    set allowed { type inet_service . ipv4_addr; flags interval; }
}
table bridge t {
    set sources { type ifname . ether_addr . ipv6_addr; }
}
"""
ELEMENT = "{ tcp . 80 : 10.0.0.2 . 8080 }"
PORT = Element("inet", "m", (Protocol("tcp"), 80), (ip_address("10.0.0.2"), 8080))


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    """The test's thread is in a namespace of its own."""
    fd = create_netns()
    try:
        with enter_netns(fd):
            yield
    finally:
        os.close(fd)


@pytest.fixture
def sock() -> Iterator[NetlinkSocket]:
    nftables.run(MAP)
    with NetlinkSocket(NETLINK_NETFILTER) as found:
        yield found


def listing() -> str:
    return nftables.run("list ruleset\n")[0]


def test_a_text_is_carried_out_and_its_output_returned() -> None:
    nftables.run(MAP + f"add element inet t m {ELEMENT}\n")
    assert "tcp . 80 : 10.0.0.2 . 8080" in nftables.run("list map inet t m\n")[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("add element inet t m { tcp . 80 : 10.0.0.3 . 8080 }", errno.EEXIST),
        ("delete element inet t m { tcp . 81 }", errno.ENOENT),
        ("add element inet nosuch m { tcp . 81 : 10.0.0.2 . 80 }", errno.ENOENT),
        ("nonsense", errno.EINVAL),
    ],
)
def test_a_refusal_has_an_errno(text: str, code: int) -> None:
    nftables.run(MAP + f"add element inet t m {ELEMENT}\n")
    with pytest.raises(NftablesError) as caught:
        nftables.run(text + "\n")
    assert caught.value.errno == code


def test_a_text_takes_effect_whole_or_not_at_all() -> None:
    nftables.run(MAP)
    with pytest.raises(NftablesError):
        nftables.run(f"add element inet t m {ELEMENT}\ndelete element inet t m {{ tcp . 81 }}\n")
    assert "elements" not in listing()


def test_a_text_larger_than_a_pipe_is_no_trouble() -> None:
    elements = ", ".join(f"tcp . {port} : 10.0.0.2 . {port}" for port in range(1, 4001))
    nftables.run(MAP + f"add element inet t m {{ {elements} }}\n")
    assert listing().count("10.0.0.2") == 4000


def test_without_the_command_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NftablesError, match="the nft command is not installed"):
        nftables.run("list tables\n")


def test_elements_are_what_nft_reads(sock: NetlinkSocket) -> None:
    elements = [
        PORT,
        Element("inet", "allowed", (80, ip_network("10.0.0.0/8"))),
        Element("inet", "allowed", (80, ip_network("192.0.2.7/32"))),
        Element("bridge", "sources", (Device("veth1"), Mac("02:42:ac:11:00:02"), ip_address("fd00::2"))),
    ]
    sock.execute_batch(SUBSYSTEM, *nf_tables.add_elements("t", elements))
    by_netlink = listing()
    sock.execute_batch(SUBSYSTEM, *nf_tables.delete_elements("t", elements))
    assert "elements" not in listing()
    for it in elements:
        nftables.run(f"add element {it.family} t {it.set_name} {{ {it} }}\n")
    assert listing() == by_netlink


def test_more_elements_than_a_message_holds(sock: NetlinkSocket) -> None:
    many = [
        Element("inet", "m", (Protocol("udp"), port), (ip_address("10.0.0.2"), 1)) for port in range(1000)
    ]
    sock.execute_batch(SUBSYSTEM, *nf_tables.add_elements("t", many))
    assert listing().count("10.0.0.2") == 1000


def test_a_batch_takes_effect_whole_or_not_at_all(sock: NetlinkSocket) -> None:
    sock.execute_batch(SUBSYSTEM, *nf_tables.add_elements("t", [PORT]))
    other = Element("inet", "m", (Protocol("tcp"), 81), PORT.value)
    elsewhere = Element("inet", "m", PORT.key, (ip_address("10.0.0.3"), 8080))
    with pytest.raises(OSError, match="NFT_MSG_NEWSETELEM inet t m") as caught:
        sock.execute_batch(SUBSYSTEM, *nf_tables.add_elements("t", [other, elsewhere]))
    assert caught.value.errno == errno.EEXIST
    assert "tcp . 81" not in listing()
    with pytest.raises(FileNotFoundError):
        sock.execute_batch(SUBSYSTEM, *nf_tables.delete_elements("t", [PORT, other]))
    assert "tcp . 80" in listing()


def test_the_watch_hears_of_others_and_not_of_ourselves(sock: NetlinkSocket) -> None:
    watch = TableWatch("t", but_for=sock.port)
    sock.execute_batch(SUBSYSTEM, *nf_tables.add_elements("t", [PORT]))
    sock.execute_batch(SUBSYSTEM, *nf_tables.delete_elements("t", [PORT]))
    nftables.run("add table inet other; delete table inet other\n")
    assert watch.culprits() == set()
    with subprocess.Popen(["nft", "delete table inet t"]) as command:
        command.wait()
    found: set[int] = set()

    def heard() -> bool:
        found.update(watch.culprits())
        return bool(found)

    wait_until(heard, "the kernel tells")
    watch.close()
    assert found == {command.pid}
