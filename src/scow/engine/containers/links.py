"""``--link``: what one container on the default bridge is told about another.

A link is kept by its alias and the id of its target, so that either may be renamed. The container that
links finds its target in /etc/hosts and in variables of its environment, both as of its own start; when the
target starts again with another address, /etc/hosts is put right (``renewed_hosts``).
Docker calls the container that links the parent, its target the child, and shows a link as
``/child:/parent/alias``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from scow.engine.containers.model import Container, Live
from scow.engine.containers.registry import Containers
from scow.engine.networks.record import is_user_defined
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.runtime.namespaces import donor_of
from scow.spec.engine_api.container import HostConfig

# Set by images for their own sake, and of no use to another container.
_PRIVATE_VARIABLES = frozenset({"HOME", "PATH"})


@dataclass(frozen=True, slots=True)
class Linked:
    """The running target of a link."""

    alias: str
    doc: Container
    address: str

    def names(self) -> str:
        """What it is called in /etc/hosts."""
        return " ".join(dict.fromkeys((self.alias, self.doc.config.hostname, self.doc.name)))


def parse_link(text: str) -> tuple[str, str]:
    """``target[:alias]`` as target and alias. Raises InvalidArgumentError with Docker's messages.

    What inspect shows, ``/target:/parent/alias``, is understood too: clients send it back.
    """
    if not text:
        raise InvalidArgumentError("empty string specified for links")
    target, *rest = text.split(":")
    if len(rest) > 1:
        raise InvalidArgumentError(f"bad format for links: {text}")
    alias = rest[0] if rest else target
    return target.removeprefix("/"), alias.rpartition("/")[2] if target.startswith("/") else alias


def settle_links(host: HostConfig, containers: Containers) -> dict[str, str]:
    """The links of a new container: ids of targets by alias.

    On a user's network links are names that the endpoint's settings have; these count for nothing there.
    Raises InvalidArgumentError with Docker's messages.
    """
    links: dict[str, str] = {}
    if is_user_defined(host.network_mode):
        return links
    for text in host.links or ():
        ref, alias = parse_link(text)
        target = _target(ref, ref, containers)
        while donor := donor_of(target.host.network_mode):
            target = _target(donor, donor, containers)
        if target.host.network_mode == "host":
            raise InvalidArgumentError(
                "conflicting options: host type networking can't be used with links. This would result in "
                "undefined behavior"
            )
        # Docker keeps the first of two links of one alias.
        links.setdefault(alias, target.id)
    return links


def _target(ref: str, shown: str, containers: Containers) -> Container:
    try:
        return containers.get(ref).doc
    except (NotFoundError, InvalidArgumentError) as exc:
        # Not as a 404: clients take that for a missing image, and pull it.
        raise InvalidArgumentError(f"could not get container for {shown}: {exc.message}") from exc


def running_targets(doc: Container, containers: Containers) -> list[Linked]:
    """What ``doc`` links to, at its start. Raises ScowError if one of them does not run."""
    if "bridge" not in doc.networks:
        return []
    found = []
    for alias, container_id in doc.links.items():
        live = containers.by_id(container_id)
        if live is None or not live.doc.alive:
            name = live.doc.name if live else container_id[:12]
            raise ScowError(f"Cannot link to a non running container: /{name} AS /{doc.name}/{alias}")
        endpoint = live.doc.endpoints.get("bridge")
        if endpoint is None:
            raise ScowError(f"Cannot link to /{live.doc.name}, as it does not belong to the default network")
        found.append(Linked(alias, live.doc, endpoint.address))
    return found


def link_environment(parent: str, linked: Iterable[Linked]) -> list[str]:
    """The variables that tell the container named ``parent`` of its links."""
    return [variable for link in linked for variable in _variables(parent, link)]


def _variables(parent: str, link: Linked) -> Iterator[str]:
    prefix = link.alias.upper().replace("-", "_")
    ports = _exposed(link.doc)
    if ports:
        yield f"{prefix}_PORT={_url(link.address, ports[0])}"
    for port in ports:
        number, protocol = port
        name = f"{prefix}_PORT_{number}_{protocol.upper()}"
        yield f"{name}={_url(link.address, port)}"
        yield f"{name}_ADDR={link.address}"
        yield f"{name}_PORT={number}"
        yield f"{name}_PROTO={protocol}"
    for first, last in _ranges(ports):
        name = f"{prefix}_PORT_{first[0]}_{first[1].upper()}"
        yield f"{name}_START={_url(link.address, first)}"
        yield f"{name}_PORT_START={first[0]}"
        yield f"{name}_END={_url(link.address, last)}"
        yield f"{name}_PORT_END={last[0]}"
    yield f"{prefix}_NAME=/{parent}/{link.alias}"
    for variable in link.doc.config.env or ():
        name, assigned, _ = variable.partition("=")
        if assigned and name not in _PRIVATE_VARIABLES:
            yield f"{prefix}_ENV_{variable}"


def _exposed(doc: Container) -> list[tuple[int, str]]:
    """Numbers and protocols of the exposed ports, TCP first."""
    ports = []
    for text in doc.config.exposed_ports or {}:
        number, _, protocol = text.partition("/")
        if number.isascii() and number.isdecimal():
            ports.append((int(number), protocol.lower() or "tcp"))
    return sorted(ports, key=lambda port: (port[1] != "tcp", port[1], port[0]))


def _ranges(ports: Sequence[tuple[int, str]]) -> Iterator[tuple[tuple[int, str], tuple[int, str]]]:
    """First and last of each run of two or more neighbouring ports of one protocol."""
    first = 0
    for index, (number, protocol) in enumerate(ports):
        if index + 1 < len(ports) and ports[index + 1] == (number + 1, protocol):
            continue
        if index > first:
            yield ports[first], ports[index]
        first = index + 1


def _url(address: str, port: tuple[int, str]) -> str:
    return f"{port[1]}://{address}:{port[0]}"


def renewed_hosts(text: str, alias: str, address: str) -> str:
    """/etc/hosts with the address of a link's target replaced; what else the container wrote there stays."""
    pattern = re.compile(rf"^\S+(\t{re.escape(alias)})(?=\s)", re.M)
    return pattern.sub(lambda match: address + match[1], text)


def shown_links(doc: Container, containers: Containers) -> list[str] | None:
    """``HostConfig.Links`` of inspect."""
    targets = ((alias, containers.by_id(container_id)) for alias, container_id in doc.links.items())
    return [f"/{live.doc.name}:/{doc.name}/{alias}" for alias, live in targets if live] or None


def link_names(containers: Iterable[Live]) -> Mapping[str, Sequence[str]]:
    """The names that links give, by the id of the target: ``/parent/alias``."""
    names: dict[str, list[str]] = {}
    for live in containers:
        for alias, container_id in live.doc.links.items():
            names.setdefault(container_id, []).append(f"/{live.doc.name}/{alias}")
    return names


def with_shown_links(doc: Container, containers: Containers) -> HostConfig:
    """The host half of a container's settings as inspect shows it."""
    if not doc.host.links:
        return doc.host
    return msgspec.structs.replace(doc.host, links=shown_links(doc, containers))
