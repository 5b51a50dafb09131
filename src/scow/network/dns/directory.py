"""Who is called what on which network, and what of it one container sees. Pure: in memory, never waits.

A name belongs to a network: the same name on another network is somebody else. A container asks for
``db`` and gets the ``db`` of the first of its networks that has one, or for ``db.backend`` and gets that of
the network ``backend``, if it is on it. Links are names of one container's own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scow.network.dns.answers import IPAddress, Upstream


@dataclass(frozen=True, slots=True)
class EndpointNames:
    """What one endpoint answers to: ``names[0]`` is the container's, which PTR answers give.

    ``addresses`` are of both families.
    """

    endpoint_id: str
    names: tuple[str, ...]
    addresses: tuple[IPAddress, ...]


@dataclass(slots=True)
class _Zone:
    """One network. The first endpoint that has an address owns its PTR answer."""

    name: str
    endpoints: dict[str, EndpointNames] = field(default_factory=dict)
    by_name: dict[str, list[EndpointNames]] = field(default_factory=lambda: defaultdict(list))
    by_address: dict[IPAddress, EndpointNames] = field(default_factory=dict)

    def add(self, names: EndpointNames) -> None:
        self.endpoints[names.endpoint_id] = names
        for name in {name.lower() for name in names.names}:
            self.by_name[name].append(names)
        for address in names.addresses:
            self.by_address[address] = names

    def remove(self, endpoint_id: str) -> None:
        names = self.endpoints.pop(endpoint_id, None)
        if names is None:
            return
        for name in {name.lower() for name in names.names}:
            self.by_name[name].remove(names)
            if not self.by_name[name]:
                del self.by_name[name]
        for address in names.addresses:
            if self.by_address.get(address) is names:
                del self.by_address[address]


class NameDirectory:
    """The names of all networks of an engine. For one thread."""

    def __init__(self) -> None:
        self._zones: dict[str, _Zone] = {}
        self.changes = 0

    def publish(self, network_id: str, network_name: str, names: EndpointNames) -> None:
        """Give an endpoint these names in place of those that it had."""
        self.changes += 1
        zone = self._zones.setdefault(network_id, _Zone(network_name.lower()))
        zone.name = network_name.lower()
        zone.remove(names.endpoint_id)
        zone.add(names)

    def withdraw(self, network_id: str, endpoint_id: str) -> None:
        """Forget an endpoint; no error if it has no names."""
        self.changes += 1
        zone = self._zones.get(network_id)
        if zone is not None:
            zone.remove(endpoint_id)
            if not zone.endpoints:
                del self._zones[network_id]

    def addresses(self, network_id: str, name: str) -> list[IPAddress]:
        """All addresses of all endpoints called ``name``, in lower case, on a network."""
        zone = self._zones.get(network_id)
        return [it for names in zone.by_name.get(name, ()) for it in names.addresses] if zone else []

    def name_of(self, network_id: str, address: IPAddress) -> str | None:
        """``name.network`` of the endpoint with ``address`` on a network."""
        zone = self._zones.get(network_id)
        found = zone.by_address.get(address) if zone else None
        return f"{found.names[0]}.{zone.name}" if zone and found and found.names else None

    def network_name(self, network_id: str) -> str:
        """In lower case; "" for a network on which nobody has a name."""
        zone = self._zones.get(network_id)
        return zone.name if zone else ""


class SandboxNames:
    """What the containers of one network namespace see: a ``View`` for its name server.

    ``upstreams`` is set by the owner as networks come and go: none while all of them are internal.
    """

    def __init__(self, directory: NameDirectory, *, short_names_stay: bool = False) -> None:
        self._directory = directory
        self._links: dict[str, dict[str, str]] = {}
        self._own_changes = 0
        self.short_names_stay = short_names_stay
        self.upstreams: Sequence[Upstream] = ()

    def join(self, network_id: str, links: Mapping[str, str] | None = None) -> None:
        """Look on this network too, after those joined before; ``links`` are targets' names by alias."""
        self._own_changes += 1
        found = (links or {}).items()
        self._links[network_id] = {alias.lower(): target.lower() for alias, target in found}

    def leave(self, network_id: str) -> None:
        """Look there no more; no error if it was not joined."""
        self._own_changes += 1
        self._links.pop(network_id, None)

    @property
    def edition(self) -> int:
        """See ``View``."""
        return self._directory.changes + self._own_changes

    def lookup(self, name: str) -> Sequence[IPAddress] | None:
        """See ``View``."""
        for network_id, links in self._links.items():
            if found := self._directory.addresses(network_id, links.get(name, name)):
                return found
        for network_id, inner in self._scoped(name):
            if found := self._directory.addresses(network_id, inner):
                return found
        return None

    def reverse(self, address: IPAddress) -> str | None:
        """See ``View``."""
        answers: Iterable[str | None] = (
            self._directory.name_of(network_id, address) for network_id in self._links
        )
        return next(filter(None, answers), None)

    def _scoped(self, name: str) -> Iterator[tuple[str, str]]:
        """``db.backend`` as ``db`` on the network ``backend``, whose own name may have dots."""
        for network_id, links in self._links.items():
            suffix = "." + self._directory.network_name(network_id)
            if suffix != "." and name.endswith(suffix):
                inner = name.removesuffix(suffix)
                yield network_id, links.get(inner, inner)
