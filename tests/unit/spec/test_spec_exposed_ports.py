"""Ports of ``EXPOSE``; the words are those of Docker's go-connections 0.5."""

import pytest

from scow.errors import InvalidArgumentError
from scow.spec.exposed_ports import exposed_ports


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", ["80/tcp"]),
        ("80/", ["80/tcp"]),
        ("80-81/UDP", ["80/udp", "81/udp"]),
        ("8080:80", ["80/tcp"]),
        ("127.0.0.1:8080:80/sctp", ["80/sctp"]),
        ("[::1]:8080:80", ["80/tcp"]),
        ("8000-8009:80", ["80/tcp"]),
    ],
)
def test_the_containers_ports_count(text: str, ports: list[str]) -> None:
    assert exposed_ports(text) == ports


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "invalid containerPort: abc"),
        ("+80", "invalid containerPort: +80"),
        ("65536", "invalid containerPort: 65536"),
        ("82-80", "invalid containerPort: 82-80"),
        ("/tcp", "no port specified: /tcp<empty>"),
        ("80/foo", "invalid proto: foo"),
        ("x:80", "invalid hostPort: x"),
        ("1.2.3:8080:80", "invalid IP address: 1.2.3"),
        ("1-3:80-81", "invalid ranges specified for container and host Ports: 80-81 and 1-3"),
    ],
)
def test_what_is_no_port_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        exposed_ports(text)
    assert caught.value.message == message
