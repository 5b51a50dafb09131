"""By which of its networks a container reaches the rest of the world. Pure.

Docker's order: the highest priority; networks that are not internal; those with a gateway in both families,
then in one; the name. The first with a gateway in a family is the way out in it, and host ports lead to the
first with any.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from scow.engine.networks.record import NetworkRecord
from scow.spec.engine_api.network import EndpointSettings


@dataclass(frozen=True, slots=True)
class WaysOut:
    """Names of the networks that lead out in each family, and of the one that has the ports; "" for none."""

    ipv4: str = ""
    ipv6: str = ""
    ports: str = ""

    def all_by(self, name: str) -> bool:
        """Whether every way out there is leads by this network."""
        return {self.ipv4, self.ipv6} <= {name, ""}


def ways_out(networks: Iterable[tuple[NetworkRecord, EndpointSettings]]) -> WaysOut:
    """The ways out of a container on these networks."""
    order = [record for record, _ in sorted(networks, key=_rank)]
    ipv4 = next((it.name for it in order if it.leads_out(4)), "")
    ipv6 = next((it.name for it in order if it.leads_out(6)), "")
    return WaysOut(ipv4, ipv6, ipv4 or ipv6 or next((it.name for it in order), ""))


def _rank(network: tuple[NetworkRecord, EndpointSettings]) -> tuple[int, bool, int, str]:
    record, settings = network
    gateways = sum(record.leads_out(version) for version in (4, 6))
    return -settings.gw_priority, record.internal, -gateways, record.name
