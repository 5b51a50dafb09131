import os
import socket
import stat
from pathlib import Path

import pytest

from scow.api.http.listeners import DEFAULT_TCP_PORT, open_listeners, parse_host_port
from scow.errors import InvalidArgumentError, UnavailableError


def test_a_unix_socket_belongs_to_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    (sock,) = open_listeners(f"unix://{path}", gid=os.getgid())
    with sock:
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == 0o660
        assert found.st_gid == os.getgid()


def test_a_socket_that_nobody_serves_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    for _ in range(2):
        (sock,) = open_listeners(f"unix://{path}")
        sock.close()
        assert path.is_socket()


def test_a_socket_that_is_served_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    (sock,) = open_listeners(f"unix://{path}")
    with sock:
        sock.listen()
        with pytest.raises(UnavailableError, match="address already in use"):
            open_listeners(f"unix://{path}")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="Address already in use"):
        open_listeners(f"unix://{path}")
    assert path.read_text() == "data"


def test_tcp_listens_on_the_address_given() -> None:
    (sock,) = open_listeners("tcp://127.0.0.1:0")
    with sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"127.0.0.1:{port}: bind: address already in use"):
            open_listeners(f"tcp://127.0.0.1:{port}")


def test_inherited_sockets_are_taken_by_name_number_or_all() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        inherited = {"api": ours.detach()}
        fd = inherited["api"]
        for which in ("", "*", "api", str(fd)):
            copy = {"api": os.dup(fd)} if which != str(fd) else {"api": fd}
            (sock,) = open_listeners(f"fd://{which}", inherited=copy)
            sock.close()
        with pytest.raises(InvalidArgumentError, match="no sockets found via socket activation"):
            open_listeners("fd://other", inherited=inherited)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80),
        (":2376", "", 2376),
        ("", "", DEFAULT_TCP_PORT),
        ("localhost", "localhost", DEFAULT_TCP_PORT),
        ("[::1]:80", "::1", 80),
        ("[::1]", "::1", DEFAULT_TCP_PORT),
        ("127.0.0.1:80/", "127.0.0.1", 80),
    ],
)
def test_hosts_and_ports_are_read(text: str, host: str, port: int) -> None:
    assert parse_host_port(text) == (host, port)


@pytest.mark.parametrize("text", ["::1:80", "[::1", "[::1]x", "a:b", "a:70000", "a:-1", "a:" + "9" * 50])
def test_bad_hosts_and_ports_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_host_port(text)


@pytest.mark.parametrize("address", ["", "/run/x.sock", "npipe://x", "unix://relative/path", "http://x"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(InvalidArgumentError, match="invalid bind address"):
        open_listeners(address)
