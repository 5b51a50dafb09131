"""``ssh://user@host:port/path``: an engine on another machine, behind its ssh server."""

from scow.api.client.endpoint import Endpoint
from scow.errors import InvalidArgumentError

_HEXADECIMAL = "0123456789abcdefABCDEF"
_MAX_PORT = 65535


class SshAddressError(InvalidArgumentError):
    """An address that is none; Docker's complaint stands by itself, without words about endpoints."""


def parse_ssh_address(text: str) -> Endpoint:
    """The endpoint; its path, if it has one, is that of the engine's socket there.

    Raises SshAddressError in Docker's words.
    """
    rest, _, fragment = text.removeprefix("ssh://").partition("#")
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    userinfo, _, place = authority.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    host, port = _host_and_port(text, place)
    for is_wrong, reason in (
        (colon, "plain-text password is not supported"),
        (not host, "hostname is empty"),
        (query, f'query parameters are not allowed: "{query}"'),
        (fragment, f'fragments are not allowed: "{fragment}"'),
    ):
        if is_wrong:
            raise SshAddressError(f"ssh host connection is not valid: invalid SSH URL: {reason}")
    socket_path = _unescaped(text, slash + path) if path.strip("/") else ""
    return Endpoint("ssh", path=socket_path, host=host, port=port, user=_unescaped(text, user), text=text)


def _host_and_port(text: str, place: str) -> tuple[str, int]:
    """The port is 0 where nobody named one."""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
    else:
        host, colon, port = place.partition(":")
        port = colon + port
    if port and not (port[0] == ":" and (port == ":" or port[1:].isdecimal())):
        raise SshAddressError(f'parse "{text}": invalid port "{port}" after host')
    for char in host:
        if char <= " " or char in '"<>\\^`{|}':
            raise SshAddressError(f'parse "{text}": invalid character "{char}" in host name')
    number = int(port[1:] or 0)
    if number > _MAX_PORT:
        raise SshAddressError(f'parse "{text}": invalid port "{port}" after host')
    return _unescaped(text, host), number


def _unescaped(text: str, part: str) -> str:
    """With each ``%40`` as the byte that it stands for."""
    first, *rest = part.split("%")
    data = first.encode("utf-8", "surrogateescape")
    for piece in rest:
        digits = piece[:2]
        if len(digits) < 2 or digits.strip(_HEXADECIMAL):
            raise SshAddressError(f'parse "{text}": invalid URL escape "%{digits}"')
        data += bytes((int(digits, 16),)) + piece[2:].encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")
