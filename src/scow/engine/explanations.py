"""``scow network explain``: the ways of packets to and from a container, or to a port of the host."""

from scow.engine.containers.model import Container
from scow.engine.containers.registry import Containers
from scow.engine.networks.registry import Networks
from scow.errors import InvalidArgumentError, NotFoundError
from scow.network.endpoint import PublishedPort
from scow.spec.engine_api.scow_ports import Explanation

_PROTOCOLS = ("tcp", "udp", "sctp")


class Explanations:
    """Asks the drivers of a container's networks."""

    def __init__(self, containers: Containers, networks: Networks) -> None:
        self._containers = containers
        self._networks = networks

    async def container(self, ref: str) -> Explanation:
        """All ways of a container. Raises NotFoundError, InvalidArgumentError."""
        doc = self._containers.get(ref).doc
        lines = [f"container {doc.name} ({doc.id[:12]})"]
        if not doc.alive:
            return Explanation(lines=[*lines, "does not run: no packet reaches it"])
        mode = doc.host.network_mode
        if mode == "host" or mode.startswith("container:"):
            return Explanation(lines=[*lines, f"has no network of its own: it shares that of {mode}"])
        if not doc.endpoints:
            return Explanation(lines=[*lines, "has no network but loopback"])
        for name in doc.endpoints:
            lines += ["", f"network {name}", *await self._explain(doc, name)]
        return Explanation(lines=lines)

    async def port(self, text: str) -> Explanation:
        """The way to a host port, ``8080`` or ``53/udp``. Raises InvalidArgumentError, NotFoundError."""
        number, protocol = _parse(text)
        lines: list[str] = []
        for doc in self._containers.documents():
            for name, endpoint in doc.endpoints.items() if doc.alive else ():
                found = [it for it in endpoint.ports if (it.host_port, it.protocol) == (number, protocol)]
                if found:
                    lines += [f"container {doc.name} ({doc.id[:12]}), network {name}"]
                    lines += await self._explain(doc, name, found)
        if not lines:
            raise NotFoundError(f"no container has published port {number}/{protocol}")
        return Explanation(lines=lines)

    async def _explain(
        self, doc: Container, name: str, ports: list[PublishedPort] | None = None
    ) -> list[str]:
        network = self._networks.by_name(name)
        if network is None or network.driver is None:
            return ["has no driver"]
        return await network.driver.explain(doc.endpoints[name], ports)


def _parse(text: str) -> tuple[int, str]:
    number, _, protocol = text.partition("/")
    if not (number.isascii() and number.isdecimal()) or (protocol or "tcp") not in _PROTOCOLS:
        raise InvalidArgumentError(f"invalid port: {text}")
    return int(number), protocol or "tcp"
