"""What lists and inspect say of a container."""

from typing import Any

import msgspec
import pytest

from scow.engine.containers.model import ZERO_TIME, Container, Live, MountRecord, State
from scow.engine.containers.states import Status
from scow.engine.containers.views.inspect import (
    command_text,
    inspect_view,
    mount_view,
    network_settings,
    status_text,
    summary_ports,
)
from scow.network.endpoint import Endpoint, PublishedPort
from scow.spec.engine_api.body import encode_body
from scow.spec.engine_api.container import ContainerConfig, HostConfig, LogConfig
from scow.spec.engine_api.network import EndpointSettings

START, END = "2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z"
NOW_NS = 1_767_225_610_000_000_000 + 120 * 1_000_000_000  # two minutes after END


_ENDPOINT = Endpoint(
    endpoint_id="e",
    network_id="n",
    interface="eth0",
    host_interface="veth1",
    mac="02:42:ac:11:00:02",
    address="172.17.0.2",
    prefix_len=16,
    gateway="172.17.0.1",
    ports=[PublishedPort(80, "tcp", "0.0.0.0", 8080), PublishedPort(80, "tcp", "::", 8080)],
)


def container(status: Status, **fields: Any) -> Container:
    return Container(
        id="c" * 64,
        name="web",
        created=START,
        image_id="sha256:1",
        config=ContainerConfig(exposed_ports={"80/tcp": {}, "443/tcp": {}}),
        host=HostConfig(network_mode="bridge"),
        path="/entry",
        args=["a b", "c"],
        networks={"bridge": EndpointSettings()},
        state=State(status=status, started_at=START, finished_at=END, exit_code=3),
        endpoints={"bridge": _ENDPOINT},
        **fields,
    )


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (Status.RUNNING, "Up 2 minutes"),
        (Status.PAUSED, "Up 2 minutes (Paused)"),
        (Status.EXITED, "Exited (3) 2 minutes ago"),
        (Status.RESTARTING, "Restarting (3) 2 minutes ago"),
        (Status.REMOVING, "Removal In Progress"),
        (Status.DEAD, "Dead"),
    ],
)
def test_the_status_is_in_dockers_words(status: Status, text: str) -> None:
    assert status_text(container(status), NOW_NS) == text


def test_a_container_that_never_ran_is_created() -> None:
    doc = container(Status.CREATED)
    doc.state = State()
    assert status_text(doc, NOW_NS) == "Created"


def test_published_ports_come_first_and_exposed_ones_have_no_public_half() -> None:
    ports = [encode_body(port).decode() for port in summary_ports(container(Status.RUNNING))]
    assert ports == [
        '{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"}',
        '{"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"}',
        '{"PrivatePort":443,"Type":"tcp"}',
    ]


def test_a_network_that_leads_nowhere_shows_no_ports() -> None:
    doc = container(Status.RUNNING)
    doc.endpoints = {"inside": msgspec.structs.replace(_ENDPOINT, gateway="", ports=[])}
    assert summary_ports(doc) == []
    assert network_settings(doc, lambda name: "n").ports == {}


def test_a_stopped_container_has_no_addresses() -> None:
    settings = network_settings(container(Status.EXITED), lambda name: "n")
    assert (settings.ip_address, settings.ports, settings.networks["bridge"].ip_address) == ("", {}, "")


def test_a_running_container_shows_its_address_twice() -> None:
    settings = network_settings(container(Status.RUNNING), lambda name: "n")
    assert settings.ip_address == settings.networks["bridge"].ip_address == "172.17.0.2"
    assert settings.ports["443/tcp"] is None


def test_arguments_with_blanks_are_quoted() -> None:
    assert command_text(container(Status.RUNNING)) == "/entry 'a b' c"


def test_only_volumes_have_a_name_and_a_driver() -> None:
    bind = encode_body(mount_view(MountRecord(type="bind", source="/h", destination="/c")))
    assert b"Name" not in bind
    assert b"Driver" not in bind


@pytest.mark.parametrize(
    ("state", "known"),
    [
        (State(status=Status.CREATED), False),
        (State(status=Status.CREATED, exit_code=127, error="no such program"), True),
        (State(status=Status.EXITED, started_at=START, finished_at=END), True),
    ],
)
def test_files_are_told_from_the_first_start_on(state: State, known: bool) -> None:
    doc = container(Status.CREATED, log_path="/root/log")
    doc.state, doc.host.log_config = state, LogConfig(type="json-file")
    assert known or state.started_at == ZERO_TIME
    view = inspect_view(
        Live(doc), host=doc.host, root="/root", driver="overlay2", graph_data=None,
        network_id=lambda name: "", execs=[],
    )  # fmt: skip
    found = (view.resolv_conf_path, view.hostname_path, view.hosts_path, view.log_path)
    folder = f"/root/{doc.id}"
    wanted = (f"{folder}/resolv.conf", f"{folder}/hostname", f"{folder}/hosts", "/root/log")
    assert found == (wanted if known else ("", "", "", ""))
