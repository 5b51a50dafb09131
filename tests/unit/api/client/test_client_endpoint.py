"""Endpoints by Docker's rules."""

import pytest

from scow.api.client.endpoint import parse_endpoint
from scow.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "normal", "url_host"),
    [
        ("", "unix:///run/scow/scow.sock", "%2Frun%2Fscow%2Fscow.sock"),
        ("unix://", "unix:///run/scow/scow.sock", "%2Frun%2Fscow%2Fscow.sock"),
        (" unix:///a/b ", "unix:///a/b", "%2Fa%2Fb"),
        ("tcp://", "tcp://localhost:2375", "localhost:2375"),
        ("tcp://host", "tcp://host:2375", "host:2375"),
        ("tcp://host:1/base/", "tcp://host:1/base", "host:1"),
        ("host:1", "tcp://host:1", "host:1"),
        ("tcp://:80", "tcp://localhost:80", "localhost:80"),
        ("tcp://[::1]:80", "tcp://[::1]:80", "[::1]:80"),
        ("tcp://[::1]", "tcp://[::1]:2375", "[::1]:2375"),
    ],
)
def test_an_endpoint_has_one_normal_form(text: str, normal: str, url_host: str) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint.text, endpoint.url_host) == (normal, url_host)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bogus://x", "invalid bind address format: bogus://x"),
        ("tcp://h:port", "invalid bind address format: h:port"),
        ("tcp://h:70000", "invalid bind address format: h:70000"),
        ("tcp://[::1", r"invalid bind address format: \[::1"),
        ("unix://tcp://x", "invalid proto, expected unix: tcp://x"),
        ("tcp://unix://x", "invalid proto, expected tcp: unix://x"),
    ],
)
def test_a_wrong_endpoint_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        parse_endpoint(text)
