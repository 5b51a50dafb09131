"""Where an engine listens: the ``unix://``, ``tcp://`` and ``ssh://`` texts of ``-H`` and ``DOCKER_HOST``."""

from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.tls import TlsOptions

DEFAULT_SOCKET = "/run/scow/scow.sock"
DEFAULT_TCP_HOST = "localhost"
DEFAULT_TCP_PORT = 2375
_NOBODY = "docker.example.com"
"""What Docker's client calls an engine whose address is nobody's business."""


class Endpoint:
    """One address. ``text`` is the normal form that messages show; ``path`` is that of a unix socket.

    ``tls`` may be set where the scheme is tcp. Where it is ssh, ``path`` is on the machine ``host``, "" for
    its engine's usual place, and ``far_program`` is what is run there, "" for scow or else docker.
    """

    __slots__ = ("base_path", "far_program", "host", "path", "port", "scheme", "text", "tls", "user")

    def __init__(
        self,
        scheme: str,
        *,
        path: str = "",
        host: str = "",
        port: int = 0,
        base_path: str = "",
        user: str = "",
        text: str = "",
    ) -> None:
        self.scheme = scheme
        self.path = path
        self.host = host
        self.port = port
        self.base_path = base_path
        self.user = user
        self.far_program = ""
        self.tls: TlsOptions | None = None
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.text = text or (f"unix://{path}" if scheme == "unix" else f"tcp://{address}{base_path}")

    @property
    def url_host(self) -> str:
        """The host part of request URLs as Go prints it in errors: a socket path is percent-encoded."""
        if self.scheme == "unix":
            return self.path.replace("%", "%25").replace("/", "%2F")
        if self.scheme == "ssh":
            return _NOBODY
        return self.text.removeprefix("tcp://").partition("/")[0]


def parse_endpoint(text: str) -> Endpoint:
    """Read an endpoint as Docker does; no scheme means tcp, an empty text the default socket.

    Raises InvalidArgumentError with Docker's message.
    """
    text = text.strip()
    if not text:
        return Endpoint("unix", path=DEFAULT_SOCKET)
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "unix":
        if "://" in rest:
            raise InvalidArgumentError(f"invalid proto, expected unix: {rest}")
        return Endpoint("unix", path=rest or DEFAULT_SOCKET)
    if scheme == "tcp":
        return _parse_tcp(rest)
    if scheme == "ssh":
        from scow.api.client.ssh_address import parse_ssh_address

        return parse_ssh_address(text)
    raise InvalidArgumentError(f"invalid bind address format: {text}")


def _parse_tcp(address: str) -> Endpoint:
    if "://" in address:
        raise InvalidArgumentError(f"invalid proto, expected tcp: {address}")
    authority, slash, path = address.partition("/")
    host, port = _split_host_port(authority, address)
    return Endpoint("tcp", host=host or DEFAULT_TCP_HOST, port=port, base_path=(slash + path).rstrip("/"))


def _split_host_port(authority: str, address: str) -> tuple[str, int]:
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise InvalidArgumentError(f"invalid bind address format: {address}")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if not port:
        return host, DEFAULT_TCP_PORT
    if not port.isdecimal() or int(port) > 65535:
        raise InvalidArgumentError(f"invalid bind address format: {address}")
    return host, int(port)
