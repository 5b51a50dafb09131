"""Host ports, with real sockets on loopback addresses."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from scow.errors import InvalidArgumentError, ScowError
from scow.network.endpoint import PortRequest, PublishedPort
from scow.network.portmap import HostPorts

# Of 127.0.0.0/8 but not the address that other programs of the machine use.
IP = "127.97.3.1"


@pytest.fixture
def ports() -> Iterator[HostPorts]:
    with closing(HostPorts(IP)) as ports:
        yield ports


def _bound(kind: int = socket.SOCK_STREAM, address: str = IP, *, reuse: bool = False) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    sock.bind((address, 0))
    return sock


def _free_port() -> int:
    with _bound() as sock:
        return int(sock.getsockname()[1])


def _request(port: int, last: int = 0, *, protocol: str = "tcp", ip: str = "") -> PortRequest:
    return PortRequest(80, protocol, ip, port, last or port)


def test_a_port_without_an_address_is_bound_for_both_families() -> None:
    with closing(HostPorts()) as ports:
        four, six = ports.publish([PortRequest(80)])
    assert (four.host_ip, six.host_ip) == ("0.0.0.0", "::")
    assert four.host_port == six.host_port


def test_a_port_of_ours_is_allocated_already(ports: HostPorts) -> None:
    port = _free_port()
    ports.publish([_request(port)])
    with pytest.raises(ScowError) as caught:
        ports.publish([_request(port)])
    assert caught.value.message == f"Bind for {IP}:{port} failed: port is already allocated"


@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_port_of_somebody_else_is_in_use(ports: HostPorts, protocol: str, kind: int) -> None:
    with _bound(kind) as other:
        if protocol == "tcp":
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ScowError) as caught:
            ports.publish([_request(port, protocol=protocol)])
    assert caught.value.message == f"failed to bind host port {IP}:{port}/{protocol}: address already in use"


def test_a_listener_that_allows_reuse_is_still_a_listener(ports: HostPorts) -> None:
    with _bound(reuse=True) as other:
        other.listen()
        with pytest.raises(ScowError, match="address already in use"):
            ports.publish([_request(other.getsockname()[1])])


def test_one_number_serves_each_protocol(ports: HostPorts) -> None:
    port = _free_port()
    published = ports.publish(
        [_request(port), _request(port, protocol="udp"), _request(port, protocol="sctp")]
    )
    assert [item.protocol for item in published] == ["tcp", "udp", "sctp"]


def test_an_address_the_host_does_not_have_cannot_be_bound(ports: HostPorts) -> None:
    with pytest.raises(ScowError) as caught:
        ports.publish([_request(9, ip="203.0.113.9")])
    assert (
        caught.value.message == "failed to bind host port 203.0.113.9:9/tcp: cannot assign requested address"
    )


def test_nothing_is_held_when_one_port_of_several_cannot_be_had(ports: HostPorts) -> None:
    free = _free_port()
    with _bound() as other:
        other.listen()
        with pytest.raises(ScowError):
            ports.publish([_request(free), _request(other.getsockname()[1])])
    assert ports.publish([_request(free)])


def test_a_range_gives_its_first_free_port() -> None:
    with closing(HostPorts(IP)) as ports:
        first = ports.publish([PortRequest(80)])[0].host_port
        numbers = [ports.publish([_request(first, first + 3)])[0].host_port for _ in range(3)]
        assert numbers == [first + 1, first + 2, first + 3]
        with pytest.raises(ScowError) as caught:
            ports.publish([_request(first, first + 3)])
    assert caught.value.message == "all ports are allocated"


def test_chosen_ports_go_round_the_range() -> None:
    start = _free_port()
    with closing(HostPorts(IP, dynamic=(start, start + 2))) as ports:
        chosen = []
        for _ in range(4):
            (port,) = ports.publish([PortRequest(80)])
            chosen.append(port.host_port - start)
            ports.withdraw([port])
        assert chosen == [0, 1, 2, 0]


def test_a_chosen_port_is_one_that_nobody_has_bound() -> None:
    with _bound() as other, closing(HostPorts(IP, dynamic=(other.getsockname()[1], 65535))) as ports:
        other.listen()
        (port,) = ports.publish([PortRequest(80)])
        assert port.host_port > other.getsockname()[1]


@pytest.mark.parametrize("reuse", [False, True])
def test_nobody_else_can_bind_a_held_port(ports: HostPorts, reuse: bool) -> None:
    port = ports.publish([PortRequest(80)])[0].host_port
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        with pytest.raises(OSError, match="Address already in use"):
            sock.bind((IP, port))


def test_a_held_port_refuses_connections(ports: HostPorts) -> None:
    port = ports.publish([PortRequest(80)])[0].host_port
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect((IP, port))


def _leave_time_wait() -> int:
    """A port that nobody listens on, with a server's connection in TIME_WAIT."""
    with _bound(reuse=True) as server:
        server.listen()
        port = int(server.getsockname()[1])
        with socket.create_connection((IP, port)) as client:
            connection, _peer = server.accept()
            connection.close()  # the side that closes first waits
            assert client.recv(1) == b""
    return port


def test_connections_that_ended_do_not_hold_a_port(ports: HostPorts) -> None:
    port = _leave_time_wait()
    with socket.socket() as sock, pytest.raises(OSError, match="Address already in use"):
        sock.bind((IP, port))
    assert ports.publish([_request(port)])
    for reuse in (False, True):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
            with pytest.raises(OSError, match="Address already in use"):
                sock.bind((IP, port))
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect((IP, port))


def test_a_port_given_back_is_free(ports: HostPorts) -> None:
    published = ports.publish([PortRequest(80)])
    ports.withdraw(published)
    with socket.socket() as sock:
        sock.bind((IP, published[0].host_port))


def test_restore_holds_ports_and_tells_those_lost(ports: HostPorts) -> None:
    free = _free_port()
    with _bound() as other:
        other.listen()
        lost = PublishedPort(80, "tcp", IP, other.getsockname()[1])
        assert ports.restore([PublishedPort(80, "tcp", IP, free), lost]) == [lost]
        for port in (free, lost.host_port):
            with pytest.raises(ScowError, match="port is already allocated"):
                ports.publish([_request(port)])


def test_an_ipv6_address_is_held(ports: HostPorts) -> None:
    free = _free_port()
    assert ports.publish([_request(free, ip="::1")]) == [PublishedPort(80, "tcp", "::1", free)]
    with pytest.raises(ScowError, match=rf"Bind for ::1:{free} failed: port is already allocated"):
        ports.publish([_request(free, ip="0::1")])


def test_a_host_address_that_is_none_is_refused(ports: HostPorts) -> None:
    with pytest.raises(InvalidArgumentError, match="invalid IP address: localhost"):
        ports.publish([_request(80, ip="localhost")])
