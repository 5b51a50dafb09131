"""Bodies of what scow has beyond the Engine API on ports and paths: ``/scow/…``."""

from scow.spec.engine_api.body import Body
from scow.spec.engine_api.container import PortBinding


class PortsChange(Body, kw_only=True):
    """Ports to publish or to withdraw, by container port (``80/tcp``).

    In a withdrawal an empty address or host port fits all. ``allow`` are the networks that may use what is
    published, for all of it.
    """

    port_bindings: dict[str, list[PortBinding]] = {}
    allow: list[str] = []


class PortsChanged(Body, kw_only=True):
    """What was published or withdrawn."""

    ports: dict[str, list[PortBinding]] = {}


class Explanation(Body, kw_only=True):
    """The way of packets, as lines of text."""

    lines: list[str] = []
