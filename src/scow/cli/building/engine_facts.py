"""What an engine says of itself as a builder."""

import threading

from scow.api.client.errors import ConnectionFailedError, DaemonError
from scow.cli.builders import BUILDX_VERSION
from scow.cli.flags import DURATION, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.api.client.client import Client

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


def facts_of(client: "Client | None", timeout_ns: int) -> EngineFacts:
    """Asks, and waits no longer; ``None`` is a node that is not asked."""
    if client is None:
        return EngineFacts("inactive", "", [])
    found: list[EngineFacts] = []
    asking = threading.Thread(target=lambda: found.append(_asked(client)), daemon=True, name="status")
    asking.start()
    asking.join(timeout_ns / _NS)
    return found[0] if found else EngineFacts("inactive", "", [])


def _asked(client: "Client") -> EngineFacts:
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
