"""Events about containers carry the container's labels, its image and its name."""

from scow.engine.containers.model import Container
from scow.engine.events import EventBus


def container_event(bus: EventBus, doc: Container, action: str, **attributes: str) -> None:
    """Publish ``action`` on ``doc``; ``attributes`` come on top of the usual ones."""
    bus.publish(
        "container",
        action,
        doc.id,
        {**(doc.config.labels or {}), "image": doc.config.image, "name": doc.name, **attributes},
    )
