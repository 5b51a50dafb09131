"""Credentials as clients send them: the body of ``POST /auth``, and the ``X-Registry-Auth`` header."""

import re
from base64 import urlsafe_b64decode

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.body import Body, decode_body

_MAX_HEADER = 64 << 10
# What Go's net/url lets a host have; the rest ends in its words.
_NOT_OF_A_HOST = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:\[\]<>\"%-]")
_BAD_PORT = re.compile(r"(?<=[^:]):(?![0-9]*\Z)[^:\]]*\Z")


class AuthConfig(msgspec.Struct, kw_only=True, rename="lower"):
    """One login. Names are in lower case, unlike anywhere else in the API."""

    username: str = ""
    password: str = ""
    auth: str = ""
    email: str = ""
    server_address: str = msgspec.field(name="serveraddress", default="")
    identity_token: str = msgspec.field(name="identitytoken", default="")
    registry_token: str = msgspec.field(name="registrytoken", default="")


class LoginAnswer(Body, kw_only=True):
    """The answer to a login that worked."""

    status: str
    identity_token: str = ""


def registry_host(server_address: str) -> str:
    """The host of a ``serveraddress``, with or without scheme and path; "" for one that is empty.

    Raises InvalidArgumentError with Docker's words.
    """
    before, is_url, rest = server_address.partition("://")
    host = (rest if is_url else before).partition("/")[0]
    if is_url and not host:
        raise InvalidArgumentError(f'Get "{server_address}": http: no Host in request URL')
    reason = ""
    if found := _NOT_OF_A_HOST.search(host):
        reason = f'invalid character "{found[0]}" in host name'
    elif found := _BAD_PORT.search(host):
        reason = f'invalid port "{found[0]}" after host'
    if reason:
        raise InvalidArgumentError(f'unable to parse server address: parse "https://{host}": {reason}')
    return host


def decode_auth_header(text: str) -> AuthConfig:
    """``X-Registry-Auth``: base64 of JSON, with either alphabet and with or without padding.

    What cannot be read means nobody, as nothing and an empty object do: clients that have no credentials
    send whatever they like (aiodocker: ``FOOBAR``), and Docker lets them.
    """
    if not text or len(text) > _MAX_HEADER:
        return AuthConfig()
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        data = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
        return decode_body(data, AuthConfig) if data.strip() else AuthConfig()
    except (ValueError, InvalidArgumentError):
        return AuthConfig()
