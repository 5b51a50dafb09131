"""The header that carries credentials."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from scow.spec.engine_api.auth import AuthConfig, decode_auth_header

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
