"""The header that carries credentials, and the address that they are for."""

import re
from base64 import b64encode, urlsafe_b64encode

import pytest

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.auth import AuthConfig, decode_auth_header, registry_host

DATA = b'{"username":"me","password":"\xc3\xbf\xc3\xbe?>"}'


@pytest.mark.parametrize(
    "text", [b64encode(DATA), urlsafe_b64encode(DATA), urlsafe_b64encode(DATA).rstrip(b"=")]
)
def test_either_alphabet_with_or_without_padding(text: bytes) -> None:
    assert decode_auth_header(text.decode()) == AuthConfig(username="me", password="ÿþ?>")


@pytest.mark.parametrize(
    "text", ["", "e30=", "FOOBAR", "%%%", "W10=", "eyJ1c2VybmFtZSI6MX0=", "A" * 10**6, "\xff"]
)
def test_what_cannot_be_read_is_nobody(text: str) -> None:
    assert decode_auth_header(text) == AuthConfig()


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("", ""),
        ("https://index.docker.io/v1/", "index.docker.io"),
        ("reg.example:5000/v2", "reg.example:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("[::1]", "[::1]"),
        ("under_score", "under_score"),
        ("h:", "h:"),
    ],
)
def test_a_server_address_is_that_of_a_host(address: str, host: str) -> None:
    assert registry_host(address) == host


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://", 'Get "http://": http: no Host in request URL'),
        ("a b", 'parse "https://a b": invalid character " " in host name'),
        ("http://h:x/", 'parse "https://h:x": invalid port ":x" after host'),
        ("[::1]:5x", 'parse "https://[::1]:5x": invalid port ":5x" after host'),
    ],
)
def test_what_is_no_server_address_is_refused(address: str, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape(words)):
        registry_host(address)
