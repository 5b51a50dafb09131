"""Events of containers carry their labels, image and name; events of what they use carry the container."""

from scow.engine.containers.model import Container
from scow.engine.events import EventBus
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


def resource_events(bus: EventBus, doc: Container, endpoint: Endpoint | None, *, taken: bool) -> None:
    """Tell that a container took its network and volumes, or gave them back."""
    mode = doc.host.network_mode
    network_id = endpoint.network_id if endpoint else _id_of_builtin(doc)
    if network_id:
        attributes = {"container": doc.id, "name": mode, "type": "null" if mode == "none" else mode}
        bus.publish("network", "connect" if taken else "disconnect", network_id, attributes)
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


def _id_of_builtin(doc: Container) -> str:
    """The id of the network "host" or "none", on which a container has no endpoint."""
    mode = doc.host.network_mode
    return doc.networks[mode].network_id if mode in ("host", "none") and mode in doc.networks else ""
