"""Events of containers carry their labels, image and name; events of what they use carry the container."""

from scow.engine.containers.model import Container
from scow.engine.events import EventBus
from scow.network.endpoint import Endpoint


def container_event(bus: EventBus, doc: Container, action: str, **attributes: str) -> None:
    """Publish ``action`` on ``doc``; ``attributes`` come on top of the usual ones."""
    bus.publish(
        "container",
        action,
        doc.id,
        {**(doc.config.labels or {}), "image": doc.config.image, "name": doc.name, **attributes},
    )


def resource_events(bus: EventBus, doc: Container, endpoint: Endpoint | None, *, taken: bool) -> None:
    """Tell that a container took its network and volumes, or gave them back."""
    if endpoint is not None:
        mode = doc.host.network_mode
        attributes = {"container": doc.id, "name": mode, "type": mode}
        bus.publish("network", "connect" if taken else "disconnect", endpoint.network_id, attributes)
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
