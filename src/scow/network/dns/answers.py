"""What a container is told about its neighbours. Pure.

Names of containers are ours alone: a name that exists with the other family only is an empty answer, not
"no such name", or resolvers would give up on the name altogether. What is not ours is for the servers
outside; where there are none the answer is a failure, as Docker's.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from scow.network.dns.message import AAAA, ANY, NO_ERROR, A, Query, reply, reverse_address

IPAddress = IPv4Address | IPv6Address

# As Docker's: long enough to spare a loop the question, short enough to follow a container that moves.
TTL_S = 600


@dataclass(frozen=True, slots=True)
class Upstream:
    """A name server outside. ``from_host``: asked from the host's network, being on its loopback."""

    address: str
    from_host: bool = False
    port: int = 53


class View(Protocol):
    """What one container sees. Called for every question: it must not block."""

    @property
    def upstreams(self) -> Sequence[Upstream]:
        """Name servers outside, in order."""

    @property
    def short_names_stay(self) -> bool:
        """Whether names without a dot are not asked for outside (``ndots`` was set by the user)."""

    @property
    def edition(self) -> int:
        """Goes up whenever another answer may be given than before."""

    def lookup(self, name: str) -> Sequence[IPAddress] | None:
        """Addresses of a neighbour, both families; ``None`` for a name that is not one."""

    def reverse(self, address: IPAddress) -> str | None:
        """The name of a neighbour; ``None`` for an address that is not one's."""


def answer(query: Query, view: View, limit: int | None) -> bytes | None:
    """The answer, or ``None`` if the question is for the servers outside."""
    if query.is_reverse:
        address = reverse_address(query.name)
        name = view.reverse(address) if address is not None else None
        return None if name is None else reply(query, NO_ERROR, pointer=name, ttl_s=TTL_S, limit=limit)
    found = view.lookup(query.name)
    if found is not None:
        wanted = [it for it in found if query.kind in (ANY, A if it.version == 4 else AAAA)]
        # Replicas share the load by chance: callers take the first.
        random.shuffle(wanted)
        return reply(query, NO_ERROR, addresses=wanted, ttl_s=TTL_S, limit=limit)
    if view.short_names_stay and "." not in query.name and query.kind in (A, AAAA):
        return reply(query, NO_ERROR, limit=limit)
    return None
