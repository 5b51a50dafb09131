"""Where a registry's content can be had: its mirrors and itself, by what schemes, trusted how.

Sources, first match first:

    certs.d/<host>/hosts.toml     see ``hosts_file``: any registry may have mirrors
    registry-mirrors              of daemon.json, for Docker Hub only
    the registry itself           over https; also over http if it is on loopback or in insecure-registries
"""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scow.distribution.endpoint import PULL, RESOLVE, Endpoint, RegistrySettings
from scow.distribution.hosts_file import hosts_file, read_hosts_file
from scow.errors import InvalidArgumentError
from scow.spec.reference import DEFAULT_REGISTRY

HUB = "registry-1.docker.io"
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def endpoints_for(registry: str, settings: RegistrySettings, capability: str) -> list[Endpoint]:
    """Places to ask for images of ``registry``, in order, that can do ``capability``.

    Raises InvalidArgumentError for a hosts.toml that cannot be read.
    """
    host = HUB if registry == DEFAULT_REGISTRY else registry
    itself = list(_itself(host, settings))
    if (file := hosts_file(settings.certificates, registry)) is not None:
        found = read_hosts_file(file, registry, itself)
    else:
        found = [*_hub_mirrors(registry, settings), *itself]
    return [endpoint for endpoint in found if capability in endpoint.capabilities]


def is_insecure(host: str, settings: RegistrySettings) -> bool:
    """Whether ``host[:port]`` may be talked to without a certificate that we can check."""
    if host in settings.insecure:
        return True
    name = _host_name(host)
    if name == "localhost" or name in settings.insecure:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in network for network in (*_LOOPBACK, *_insecure_networks(settings)))


def _insecure_networks(
    settings: RegistrySettings,
) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for text in settings.insecure:
        if "/" in text:
            yield ipaddress.ip_network(text, strict=False)


def _hub_mirrors(registry: str, settings: RegistrySettings) -> Iterator[Endpoint]:
    if registry != DEFAULT_REGISTRY:
        return
    for url in settings.mirrors:
        host = urlsplit(url).netloc
        trust = _trust(host, settings)
        yield Endpoint(
            url.rstrip("/"),
            mirror=True,
            verify=not is_insecure(host, settings),
            capabilities=frozenset({PULL, RESOLVE}),
            **trust,
        )


def _itself(host: str, settings: RegistrySettings) -> Iterator[Endpoint]:
    insecure = is_insecure(host, settings)
    yield Endpoint(f"https://{host}", verify=not insecure, **_trust(host, settings))
    if insecure:
        yield Endpoint(f"http://{host}")


def _trust(host: str, settings: RegistrySettings) -> dict[str, Any]:
    """``*.crt`` are authorities, ``*.cert`` with ``*.key`` of the same name are ours (docker: certs.d)."""
    for folder in settings.certificates:
        place = folder / host
        if place.is_dir():
            pairs = tuple((cert, cert.with_suffix(".key")) for cert in sorted(place.glob("*.cert")))
            for certificate, key in pairs:
                if not key.is_file():
                    raise InvalidArgumentError(f"missing key {key.name} for client certificate {certificate}")
            for key in sorted(place.glob("*.key")):
                certificate = key.with_suffix(".cert")
                if not certificate.is_file():
                    raise InvalidArgumentError(
                        f"missing client certificate {certificate.name} for key {key.name}"
                    )
            return {"ca_files": tuple(sorted(place.glob("*.crt"))), "client_certificates": pairs}
    return {}


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
