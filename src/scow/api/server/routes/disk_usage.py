"""``/system/df``: what is on disk, as each version of the API tells it.

Until 1.52 lists of objects; since then totals with the objects in them. In 1.52 and later a client that does
not ask for ``verbose`` may be one that knows the lists only, and gets both.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import msgspec

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.api.server.version_views import view_summary
from scow.errors import InvalidArgumentError
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import plain
from scow.spec.engine_api.build import BuildCacheRecord
from scow.spec.engine_api.container_views import ContainerSummary
from scow.spec.engine_api.disk_usage import DiskUsage, UsageSummary
from scow.spec.engine_api.image import ImageSummary
from scow.spec.engine_api.volume import Volume

_KINDS = ("container", "image", "volume", "build-cache")
_ALIVE = ("running", "paused", "restarting")


class DiskUsageService(Protocol):
    """Measures what is on disk."""

    async def usage(self, kinds: Collection[str]) -> DiskUsage: ...


def disk_usage_routes(usages: DiskUsageService) -> tuple[Route, ...]:
    """The one endpoint."""

    async def get(call: Call) -> Answer:
        # The parameter came with 1.42.
        kinds = call.query.all("type") if call.version >= (1, 42) else []
        for kind in kinds:
            if kind not in _KINDS:
                raise InvalidArgumentError(f"unknown object type: {kind}")
        found = await usages.usage(kinds or _KINDS)
        if found.containers is not msgspec.UNSET:
            found.containers = [view_summary(it, call.version) for it in found.containers]
        return json_answer(_view(found, call.version, call.query.boolean("verbose")))

    return (Route("GET", "/system/df", get),)


def _view(found: DiskUsage, version: ApiVersion, verbose: bool) -> DiskUsage | dict[str, Any]:
    if version >= (1, 52):
        totals = _totals(found)
        return totals if verbose else plain(found) | totals
    if version >= (1, 44):
        return found
    view = plain(found)
    for image in view.get("Images", ()):
        image["VirtualSize"] = image["Size"]
    if version < (1, 42):
        view["BuilderSize"] = sum(it["Size"] for it in view.get("BuildCache") or ())
    return view


def _totals(found: DiskUsage) -> dict[str, Any]:
    totals: dict[str, UsageSummary] = {}
    if found.images is not msgspec.UNSET and found.layers_size is not msgspec.UNSET:
        totals["ImageUsage"] = _of_images(found.images, found.layers_size)
    if found.containers is not msgspec.UNSET:
        totals["ContainerUsage"] = _of_containers(found.containers)
    if found.volumes is not msgspec.UNSET:
        totals["VolumeUsage"] = _of_volumes(found.volumes)
    if found.build_cache is not msgspec.UNSET:
        totals["BuildCacheUsage"] = _of_build_cache(found.build_cache)
    return totals


def _of_images(images: Sequence[ImageSummary], layers_size: int) -> UsageSummary:
    return UsageSummary(
        active_count=sum(it.containers > 0 for it in images),
        total_count=len(images),
        reclaimable=sum(it.size - it.shared_size for it in images if not it.containers),
        total_size=layers_size,
        items=list(images),
    )


def _of_containers(containers: Sequence[ContainerSummary]) -> UsageSummary:
    sizes = [(it.state in _ALIVE, it.size_rw or 0) for it in containers]
    return UsageSummary(
        active_count=sum(alive for alive, _ in sizes),
        total_count=len(sizes),
        reclaimable=sum(size for alive, size in sizes if not alive),
        total_size=sum(size for _, size in sizes),
        items=list(containers),
    )


def _of_build_cache(records: Sequence[BuildCacheRecord]) -> UsageSummary:
    return UsageSummary(
        active_count=sum(it.in_use for it in records),
        total_count=len(records),
        reclaimable=sum(it.size for it in records if not it.in_use and not it.shared),
        total_size=sum(it.size for it in records),
        items=list(records),
    )


def _of_volumes(volumes: Sequence[Volume]) -> UsageSummary:
    usages = [it.usage_data for it in volumes if it.usage_data is not msgspec.UNSET]
    return UsageSummary(
        active_count=sum(it.ref_count > 0 for it in usages),
        total_count=len(volumes),
        reclaimable=sum(it.size for it in usages if not it.ref_count),
        total_size=sum(it.size for it in usages),
        items=list(volumes),
    )
