import pytest

from scow.runtime.namespaces import Namespaces, donor_of, is_private_network, to_oci


def kinds(namespaces: Namespaces) -> dict[str, str | None]:
    return {item["type"]: item.get("path") for item in to_oci(namespaces)}


def test_everything_is_new_but_the_control_groups() -> None:
    assert kinds(Namespaces()) == dict.fromkeys(("mount", "network", "uts", "pid", "ipc"))


def test_a_namespace_of_the_host_is_left_out() -> None:
    assert kinds(Namespaces(network="host", pid="host", ipc="host", uts="host")) == {"mount": None}


def test_a_namespace_can_be_joined() -> None:
    made = kinds(Namespaces(network="/proc/1/ns/net", cgroup=None))
    assert made["network"] == "/proc/1/ns/net"
    assert "cgroup" in made


@pytest.mark.parametrize(
    ("mode", "donor"), [("container:x", "x"), ("container:", ""), ("bridge", None), ("", None)]
)
def test_the_donor_of_a_mode(mode: str, donor: str | None) -> None:
    assert donor_of(mode) == donor


@pytest.mark.parametrize(
    ("mode", "private"), [("bridge", True), ("none", True), ("host", False), ("container:x", False)]
)
def test_whose_network_it_is(mode: str, private: bool) -> None:
    assert is_private_network(mode) is private
