"""The config of an image that was imported: a root file system somebody packed, and what they said of it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from scow.spec.engine_api.container import ContainerConfig
from scow.spec.platform import Platform
from scow.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What comes with the archive. ``changes`` are Dockerfile instructions."""

    reference: Reference | None = None
    changes: tuple[str, ...] = ()
    message: str = ""
    platform: Platform | None = None


def config_of_import(request: ImportRequest, config: ContainerConfig, diff_id: str, host: Platform) -> bytes:
    """The image config as JSON; ``config`` is what the request's changes came to."""
    platform = request.platform or host
    created = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    document = {
        "architecture": platform.architecture or host.architecture,
        **({"variant": platform.variant} if platform.variant else {}),
        "comment": request.message,
        "config": config,
        "created": created,
        "history": [{"created": created, "comment": request.message}],
        "os": platform.os,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    return msgspec.json.encode(document)
