"""What an engine says of itself as a builder."""

from scow.api.client.errors import ConnectionFailedError, DaemonError
from scow.cli.builders import BUILDX_VERSION

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


def facts_of(client: "Client | None") -> EngineFacts:
    """Asks; ``None`` is a node that is not asked."""
    if client is None:
        return EngineFacts("inactive", "", [])
    try:
        found = client.get("/version") or {}
    except (ConnectionFailedError, DaemonError, OSError):
        return EngineFacts("inactive", "", [])
    if not is_scow(found):
        return EngineFacts("running", "", [f"{found.get('Os', 'linux')}/{found.get('Arch', '')}"])
    version = f"v{BUILDX_VERSION}+scow-{found.get('Version', '')}"
    return EngineFacts("running", version, client.get("/scow/binfmt")["Platforms"])


def is_scow(version: "dict[str, Any]") -> bool:
    """Whether the engine that answered ``/version`` so is one of ours."""
    return str((version.get("Platform") or {}).get("Name") or "").startswith(_OURS)
