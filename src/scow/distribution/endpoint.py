"""One place where a registry's content can be had, and what is known of registries in general. Values."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

API_ROOT = "/v2"
PULL, RESOLVE, PUSH = "pull", "resolve", "push"
ALL = frozenset({PULL, RESOLVE, PUSH})


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """What daemon.json says of registries. ``insecure`` holds hosts (with port) and networks (CIDR)."""

    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    certificates: tuple[Path, ...] = (Path("/etc/scow/certs.d"), Path("/etc/docker/certs.d"))
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to ask. ``url`` is scheme, host and port (and a path, for some mirrors), without ``root``.

    ``root`` is where the API is below it. ``headers`` go with every request to it, and ``namespace`` tells a
    mirror whose images are meant.
    """

    url: str
    root: str = API_ROOT
    mirror: bool = False
    verify: bool = True
    capabilities: frozenset[str] = field(default=ALL)
    ca_files: tuple[Path, ...] = ()
    client_certificates: tuple[tuple[Path, Path], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    namespace: str = ""

    @property
    def host(self) -> str:
        """With the port, if the address names one."""
        return urlsplit(self.url).netloc
