"""Front ends that come as images, spoken to over their standard streams."""

from collections.abc import Mapping

import msgspec

from scow.api.server.buildkit.bridge import Bridge
from scow.api.server.buildkit.control_messages import BUILDKIT_VERSION, WorkerRecord
from scow.spec.driven_build import DrivenBuild
from scow.spec.llb import Definition
from scow.spec.llb import Platform as PlatformMessage
from scow.spec.platform import Platform

# By which a front end words what it says to users.
_PRODUCT = "docker"


def worker_records(worker_id: str, platforms: tuple[Platform, ...]) -> tuple[WorkerRecord, ...]:
    """The one that builds."""
    told = tuple(PlatformMessage(it.architecture, it.os, it.variant) for it in platforms)
    return (WorkerRecord(worker_id, {}, told),)


class ImageFrontEnds:
    """See ``FrontEndServer``. ``worker_id`` names this engine, ``capabilities`` are those of graphs."""

    def __init__(self, worker_id: str, capabilities: tuple[str, ...]) -> None:
        self._worker_id = worker_id
        self._capabilities = capabilities

    def environment(self, session_id: str, platforms: tuple[Platform, ...]) -> tuple[str, ...]:
        worker = {
            "id": self._worker_id,
            "labels": {},
            "platforms": [_platform_document(it) for it in platforms],
            "gcPolicy": None,
            "buildkitVersion": {"package": "scow", "version": BUILDKIT_VERSION, "revision": ""},
        }
        return (
            f"BUILDKIT_SESSION_ID={session_id}",
            f"BUILDKIT_WORKERS={msgspec.json.encode([worker]).decode()}",
            f"BUILDKIT_EXPORTEDPRODUCT={_PRODUCT}",
        )

    def open(
        self, driven: DrivenBuild, inputs: Mapping[str, Definition], platforms: tuple[Platform, ...]
    ) -> Bridge:
        return Bridge(driven, inputs, self._capabilities, worker_records(self._worker_id, platforms))


def _platform_document(platform: Platform) -> dict[str, str]:
    found = {"architecture": platform.architecture, "os": platform.os}
    return found | ({"variant": platform.variant} if platform.variant else {})
