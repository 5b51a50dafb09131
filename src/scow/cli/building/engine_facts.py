"""What an engine says of itself as a builder."""

import threading
import time

from scow.api.client.errors import ConnectionFailedError, DaemonError
from scow.cli.builders import BUILDX_VERSION
from scow.cli.exits import CommandError
from scow.cli.flags import DURATION, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.api.client.client import Client
    from scow.cli.builders import Builder, Builders

    Node = dict[str, Any]

_OURS = "scow"


class EngineFacts:
    """``status`` is "running", "inactive" where nothing answers. ``version`` is BuildKit's, "" if unknown."""

    __slots__ = ("platforms", "status", "version")

    def __init__(self, status: str, version: str, platforms: list[str]) -> None:
        self.status = status
        self.version = version
        self.platforms = platforms


TIMEOUT = Flag(
    "timeout",
    DURATION,
    "Override the default timeout for loading builder status",
    default=20 * 1_000_000_000,
)
_NS = 1_000_000_000


def facts_of_nodes(
    builders: "Builders", builder: "Builder", timeout_ns: int
) -> "list[tuple[Node, EngineFacts]]":
    """Asks all nodes at once, and waits no longer; one that cannot be reached is inactive."""
    found: dict[int, EngineFacts] = {}

    def ask(number: int, client: "Client") -> None:
        found[number] = facts_of(client)

    asking = []
    for number, node in enumerate(builder.nodes):
        try:
            client = builders.client(builder, node)
        except CommandError:
            continue  # a context that is gone
        asking.append(threading.Thread(target=ask, args=(number, client), daemon=True, name="status"))
        asking[-1].start()
    end_s = time.monotonic() + timeout_ns / _NS
    for thread in asking:
        thread.join(max(0.0, end_s - time.monotonic()))
    nothing = EngineFacts("inactive", "", [])
    return [(node, found.get(number, nothing)) for number, node in enumerate(builder.nodes)]


def facts_of(client: "Client") -> EngineFacts:
    """Asks one engine."""
    try:
        found = client.get("/version") or {}
    except (ConnectionFailedError, DaemonError, OSError):
        return EngineFacts("inactive", "", [])
    own = [f"{found.get('Os', 'linux')}/{found.get('Arch', '')}"]
    if not is_scow(found):
        return EngineFacts("running", "", own)
    try:
        platforms = client.get("/scow/binfmt")["Platforms"]
    except (ConnectionFailedError, DaemonError, OSError):
        platforms = own  # an older scow, or one that is leaving
    return EngineFacts("running", f"v{BUILDX_VERSION}+scow-{found.get('Version', '')}", platforms)


def is_scow(version: "dict[str, Any]") -> bool:
    """Whether the engine that answered ``/version`` so is one of ours."""
    return str((version.get("Platform") or {}).get("Name") or "").startswith(_OURS)
