"""Capability sets of a process."""

import pytest

from scow.linux import capabilities


def test_numbers_are_those_of_the_kernel() -> None:
    numbers = {"CAP_CHOWN": 0, "CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_AUDIT_READ": 37}
    assert {name: capabilities.CAPABILITIES.index(name) for name in numbers} == numbers
    assert len(capabilities.CAPABILITIES) == 41


def test_a_set_is_read_from_a_status_text() -> None:
    text = "Name:\tx\nCapEff:\t00000000a80425fb\nCapBnd:\t0000000000000000\n"
    assert capabilities.parse_status(text, "CapEff") == {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW",
        "CAP_SYS_CHROOT",
        "CAP_MKNOD",
        "CAP_AUDIT_WRITE",
        "CAP_SETFCAP",
    }
    assert capabilities.parse_status(text, "CapBnd") == frozenset()


def test_capabilities_newer_than_this_table_are_left_out() -> None:
    assert capabilities.parse_status("CapEff:\tffffffffffffffff\n", "CapEff") == set(
        capabilities.CAPABILITIES
    )


def test_a_text_without_the_set_is_refused() -> None:
    with pytest.raises(ValueError, match="no CapEff line"):
        capabilities.parse_status("Name:\tx\n", "CapEff")


def test_this_process_has_what_its_status_says() -> None:
    with open("/proc/self/status", encoding="utf-8") as file:
        bits = {line.split()[0]: int(line.split()[1], 16) for line in file if line.startswith("Cap")}
    assert len(capabilities.effective()) == (bits["CapEff:"] & (1 << 41) - 1).bit_count()
    assert len(capabilities.bounding()) == (bits["CapBnd:"] & (1 << 41) - 1).bit_count()
