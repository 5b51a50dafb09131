"""What the engine says of a path in a container: the header ``X-Docker-Container-Path-Stat``."""

import json

from scow.api.client.client import object_path
from scow.api.client.errors import DaemonError
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from scow.api.client.client import Client

_HEADER = "x-docker-container-path-stat"
# Go's os.FileMode
_DIRECTORY, _LINK, _DEVICE = 1 << 31, 1 << 27, 1 << 26


class PathStat:
    """The kind of file, and where a link leads."""

    __slots__ = ("_mode", "link_target")

    def __init__(self, mode: int, link_target: str) -> None:
        self._mode = mode
        self.link_target = link_target

    @property
    def is_dir(self) -> bool:
        return bool(self._mode & _DIRECTORY)

    @property
    def is_link(self) -> bool:
        return bool(self._mode & _LINK)

    @property
    def is_device(self) -> bool:
        return bool(self._mode & _DEVICE)


def stat_path(client: "Client", container: str, path: str) -> PathStat | None:
    """Without following a link; None when there is no such thing, or no such container."""
    try:
        with client.request(
            "HEAD", object_path("container", container, "archive"), [("path", path)]
        ) as response:
            return parse_stat(response.head.headers)
    except DaemonError:
        return None


def parse_stat(headers: "Mapping[str, str]") -> PathStat:
    """Raises CommandError when the header is not there or makes no sense."""
    import binascii

    try:
        values = json.loads(binascii.a2b_base64(headers.get(_HEADER, "")))
        return PathStat(int(values["mode"]), str(values.get("linkTarget") or ""))
    except (ValueError, KeyError, TypeError) as exc:
        message = f"unable to decode container path stat header: {exc}"
        raise CommandError(message) from exc
