"""Events of containers carry their labels, image and name; events of what they use carry the container."""

from collections.abc import Mapping

from scow.engine.containers.model import Container
from scow.engine.events import EventBus
from scow.engine.networks.record import PREDEFINED
from scow.network.endpoint import Endpoint


def container_event(bus: EventBus, doc: Container, action: str, **attributes: str) -> None:
    """Publish ``action`` on ``doc``; as in Docker the usual ones come on top of ``attributes``."""
    image = {"image": doc.config.image} if doc.config.image else {}
    bus.publish(
        "container",
        action,
        doc.id,
        {**attributes, **(doc.config.labels or {}), **image, "name": doc.name},
    )


def network_event(
    bus: EventBus, doc: Container, name: str, network_id: str, driver: str, *, taken: bool
) -> None:
    """Tell that a container was connected to a network, or disconnected."""
    attributes = {"container": doc.id, "name": name, "type": driver}
    bus.publish("network", "connect" if taken else "disconnect", network_id, attributes)


def resource_events(bus: EventBus, doc: Container, endpoints: Mapping[str, Endpoint], *, taken: bool) -> None:
    """Tell that a container took its networks and volumes, or gave them back."""
    for name, endpoint in endpoints.items():
        network_event(bus, doc, name, endpoint.network_id, endpoint.driver, taken=taken)
    mode = doc.host.network_mode
    if mode in ("host", "none") and mode in doc.networks:
        network_event(bus, doc, mode, doc.networks[mode].network_id, PREDEFINED[mode], taken=taken)
    for record in doc.mounts:
        if record.type == "volume":
            attributes = {"container": doc.id, "driver": record.driver}
            if taken:
                attributes |= {
                    "destination": record.destination,
                    "propagation": record.propagation,
                    "read/write": str(record.writable).lower(),
                }
            bus.publish("volume", "mount" if taken else "unmount", record.name, attributes)
