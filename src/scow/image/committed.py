"""The config of an image that was made from a container: its image's, one layer and one step further."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from scow.image.model import Image
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.oci_image import History
from scow.spec.platform import Platform
from scow.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What is said of the new image. ``created_by`` is the container's command, for its history."""

    container_id: str
    config: ContainerConfig
    created_by: str
    author: str = ""
    comment: str = ""
    reference: Reference | None = None


def config_of_commit(
    request: CommitRequest, parent: Image | None, diff_id: str | None, host: Platform
) -> bytes:
    """The image config as JSON; ``diff_id`` is of the new layer, ``None`` if nothing was changed."""
    created = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    step = History(
        created=created,
        created_by=request.created_by,
        author=request.author,
        comment=request.comment,
        empty_layer=diff_id is None,
    )
    document = {
        "architecture": (parent.architecture if parent else "") or host.architecture,
        "author": request.author,
        "comment": request.comment,
        "config": request.config,
        "container": request.container_id,
        "created": created,
        "history": [*(parent.history if parent else ()), step],
        "os": (parent.os if parent else "") or host.os,
        "rootfs": {
            "type": "layers",
            "diff_ids": [*(parent.layers if parent else ()), *([diff_id] if diff_id else ())],
        },
    }
    if parent and parent.os_version:
        document["os.version"] = parent.os_version
    if variant := parent.variant if parent else host.variant:
        document["variant"] = variant
    return msgspec.json.encode({key: value for key, value in document.items() if value != ""})
