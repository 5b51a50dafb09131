"""Which name servers outside a container's questions go to. Pure."""

from collections.abc import Sequence
from ipaddress import ip_address

from scow.network.dns.answers import Upstream

_MOST = 3  # resolv.conf(5): MAXNS


def choose_upstreams(host_resolv_conf: str, own: Sequence[str]) -> tuple[Upstream, ...]:
    """``own`` are those of ``--dns`` or the engine's settings, asked from the container's network.

    Without any they are the host's, of ``host_resolv_conf``, a resolv.conf(5) text. One on the host's
    loopback is asked from the host, for it is reachable from nowhere else, and so is one with an IPv6
    address, which most containers could not reach. If the host has none there are none, as in Docker since
    26: no public server is asked behind anybody's back.
    """
    if own:
        return tuple(Upstream(address) for address in own if _is_address(address))
    found = [address for address in _nameservers(host_resolv_conf) if _is_address(address)]
    return tuple(Upstream(address, from_host=_is_the_hosts(address)) for address in found[:_MOST])


def _nameservers(text: str) -> list[str]:
    lines = (line.split() for line in text.splitlines())
    return [words[1] for words in lines if len(words) >= 2 and words[0] == "nameserver"]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_the_hosts(text: str) -> bool:
    address = ip_address(text)
    return address.is_loopback or address.version == 6
