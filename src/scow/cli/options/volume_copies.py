"""Where the engine has what Docker's API does not: ``/scow/volumes/…``."""

from scow.api.client.client import object_path
from scow.cli.flags import BOOL, Flag, list_of
from scow.cli.options.environment import validate_label

LABEL = Flag("label", list_of(validate_label), "Set metadata")
PAUSE = Flag(
    "pause", BOOL, "Pause containers that use the volume while its data is copied", short="p", default=True
)


def volume_path(reference: str, action: str) -> str:
    """The endpoint of ``action`` on ``volume`` or ``volume@snapshot``. Raises InvalidArgumentError."""
    return "/scow" + object_path("volume", reference, action)


def split_snapshot(reference: str) -> tuple[str, str]:
    """``volume@snapshot`` in two. Raises InvalidArgumentError without a snapshot."""
    from scow.errors import InvalidArgumentError

    name, _, snapshot = reference.partition("@")
    if not name or not snapshot:
        raise InvalidArgumentError(f"{reference!r} names no snapshot: VOLUME@SNAPSHOT is expected")
    return name, snapshot
