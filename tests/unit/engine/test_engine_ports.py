"""Port bindings as requests to the network."""

from typing import Any

import pytest

from scow.engine.containers.ports import port_requests
from scow.errors import InvalidArgumentError
from scow.network.endpoint import PortRequest
from scow.spec.engine_api.container import ContainerConfig, HostConfig, PortBinding


def requests(bindings: dict[str, list[PortBinding]], **host: Any) -> list[PortRequest]:
    config = ContainerConfig(exposed_ports={"80/tcp": {}, "53/udp": {}})
    return list(port_requests(config, HostConfig(port_bindings=bindings, **host)))


def test_addresses_ranges_and_protocols_are_passed_on() -> None:
    found = requests(
        {
            "80/tcp": [PortBinding(host_ip="127.0.0.1", host_port="8080-8090"), PortBinding()],
            "53/udp": [PortBinding(host_port="5353")],
        }
    )
    assert found == [
        PortRequest(53, "udp", "", 5353, 5353),
        PortRequest(80, "tcp", "127.0.0.1", 8080, 8090),
        PortRequest(80, "tcp", "", 0, 0),
    ]


def test_all_exposed_ports_are_published_on_request() -> None:
    found = requests({"80/tcp": [PortBinding(host_port="1")]}, publish_all_ports=True)
    assert found == [PortRequest(53, "udp"), PortRequest(80, "tcp", "", 1, 1)]


@pytest.mark.parametrize(
    ("name", "host_port"),
    [("0/tcp", ""), ("80/icmp", ""), ("x/tcp", ""), ("80/tcp", "9-8"), ("80/tcp", "70000")],
)
def test_what_is_no_port_is_refused(name: str, host_port: str) -> None:
    with pytest.raises(InvalidArgumentError, match="invalid port specification"):
        requests({name: [PortBinding(host_port=host_port)]})
