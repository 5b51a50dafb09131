"""Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go's httpproxy reads them."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit


class ProxySettings(Protocol):
    """Addresses of proxies, empty for none, and which hosts need none."""

    @property
    def http_proxy(self) -> str: ...

    @property
    def https_proxy(self) -> str: ...

    @property
    def no_proxy(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Proxies:
    """``ProxySettings``, and nothing else."""

    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""

    def variables(self) -> Iterator[tuple[str, str]]:
        """For programs, which read one spelling or the other."""
        for name in ("http_proxy", "https_proxy", "no_proxy"):
            if value := getattr(self, name):
                yield name, value
                yield name.upper(), value


def proxy_for(url: str, settings: ProxySettings) -> str:
    """The proxy's address, or "" for none. Loopback is never proxied."""
    parts = urlsplit(url)
    proxy = settings.https_proxy if parts.scheme == "https" else settings.http_proxy
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not proxy or _is_loopback(host) or _is_excepted(host, port, settings.no_proxy):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _is_excepted(host: str, port: int, no_proxy: str) -> bool:
    address = _address(host)
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        if entry == "*":
            return True
        if not entry:
            continue
        if "/" in entry and address is not None:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        name, _, wanted = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
        if wanted and wanted != str(port):
            continue
        if name == host or (address is None and _is_domain_of(name, host)):
            return True
    return False


def _is_domain_of(name: str, host: str) -> bool:
    """``example.com`` covers itself and what is below; ``.example.com`` only what is below."""
    return host.endswith(name if name.startswith(".") else f".{name}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
