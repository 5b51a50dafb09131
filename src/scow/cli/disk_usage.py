"""What ``system df`` makes of the engine's answer: a row for each kind, or one for each object."""

import time

from scow.cli.commands.container.ls import HEADERS as CONTAINER_HEADERS
from scow.cli.commands.container.ls import RAW as CONTAINER_RAW
from scow.cli.commands.container.ls import container_row
from scow.cli.commands.image.ls import HEADERS as IMAGE_HEADERS
from scow.cli.commands.image.ls import RAW as IMAGE_RAW
from scow.cli.commands.image.ls import image_row
from scow.cli.commands.volume.ls import HEADERS as VOLUME_HEADERS
from scow.cli.commands.volume.ls import RAW as VOLUME_RAW
from scow.cli.commands.volume.ls import volume_row
from scow.cli.listing import print_columns
from scow.cli.templates.values import Adapter, Struct
from scow.cli.units import human_size, truncate_id
from scow.spec.human_duration import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.invocation import Invocation

    Usage = dict[str, Any]

HEADERS = {
    "Type": "TYPE",
    "TotalCount": "TOTAL",
    "Active": "ACTIVE",
    "Size": "SIZE",
    "Reclaimable": "RECLAIMABLE",
}
_CACHE_HEADERS = {
    "ID": "CACHE ID",
    "Parent": "PARENT",
    "CacheType": "CACHE TYPE",
    "Size": "SIZE",
    "CreatedAt": "CREATED AT",
    "CreatedSince": "CREATED",
    "LastUsedAt": "LAST USED AT",
    "LastUsedSince": "LAST USED",
    "UsageCount": "USAGE",
    "InUse": "IN USE",
    "Shared": "SHARED",
    "Description": "DESCRIPTION",
}
_IMAGE_COLUMNS = (
    "Repository",
    "Tag",
    "ID",
    "CreatedSince",
    "Size",
    "SharedSize",
    "UniqueSize",
    "Containers",
)
_CONTAINER_COLUMNS = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
_VOLUME_COLUMNS = ("Name", "Links", "Size")
_CACHE_COLUMNS = ("ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared")
_CACHE_RAW = """build_cache_id: {{.ID}}
parent_id: {{.Parent}}
build_cache_type: {{.CacheType}}
description: {{.Description}}
created_at: {{.CreatedAt}}
created_since: {{.CreatedSince}}
last_used_at: {{.LastUsedAt}}
last_used_since: {{.LastUsedSince}}
usage_count: {{.UsageCount}}
in_use: {{.InUse}}
shared: {{.Shared}}
"""
VERBOSE_RAW = "".join(
    f"{{{{range .{member}}}}}type: {kind}\n{raw}\n{{{{end -}}}}"
    for member, kind, raw in (
        ("Images", "Image", IMAGE_RAW % "digest: {{.Digest}}\n"),
        ("Containers", "Container", CONTAINER_RAW + "size: {{.Size}}\n"),
        ("Volumes", "Volume", VOLUME_RAW),
        ("BuildCache", "Build Cache", _CACHE_RAW),
    )
)
_NONE = "<none>"
_ACTIVE_STATES = ("running", "paused", "restarting")


def summary_rows(usage: "Usage") -> list[Adapter]:
    """A row each for images, containers, volumes and build cache."""
    return [_images_row(usage), _containers_row(usage), _volumes_row(usage), _cache_row(usage)]


def print_details(invocation: "Invocation", usage: "Usage") -> None:
    """A table for each kind."""
    out = invocation.out
    out.write("Images space usage:\n\n")
    print_columns(invocation, _image_rows(usage, truncate=True), IMAGE_HEADERS, _IMAGE_COLUMNS)
    out.write("\nContainers space usage:\n\n")
    rows = _container_rows(usage, truncate=True)
    print_columns(invocation, rows, CONTAINER_HEADERS, _CONTAINER_COLUMNS)
    out.write("\nLocal Volumes space usage:\n\n")
    print_columns(invocation, map(volume_row, usage.get("Volumes") or ()), VOLUME_HEADERS, _VOLUME_COLUMNS)
    out.write(f"\nBuild cache usage: {human_size(_cache_size(usage))}\n\n")
    print_columns(invocation, _cache_rows(usage, truncate=True), _CACHE_HEADERS, _CACHE_COLUMNS)


def verbose_value(usage: "Usage", *, truncate: bool) -> Struct:
    """What a template of the verbose form sees: all rows, by kind."""
    found = {
        "Images": _image_rows(usage, truncate=truncate),
        "Containers": _container_rows(usage, truncate=truncate),
        "Volumes": [volume_row(volume) for volume in usage.get("Volumes") or ()],
        "BuildCache": _cache_rows(usage, truncate=truncate),
    }
    return Struct("*formatter.diskUsageContext", found, {name: (name, _same) for name in found})


def _same(value: object) -> object:
    return value


def _images_row(usage: "Usage") -> Adapter:
    images = usage.get("Images") or []
    total = usage.get("LayersSize") or 0
    used = sum(
        image["Size"] - image["SharedSize"]
        for image in images
        if image["Containers"] and -1 not in (image["Size"], image["SharedSize"])
    )
    active = sum(image["Containers"] > 0 for image in images)
    return _summary("Images", "Images", len(images), active, total, total - used)


def _containers_row(usage: "Usage") -> Adapter:
    containers = usage.get("Containers") or []
    sizes = [(container.get("SizeRw") or 0, container["State"] in _ACTIVE_STATES) for container in containers]
    total = sum(size for size, _ in sizes)
    idle = sum(size for size, active in sizes if not active)
    return _summary(
        "Containers", "Containers", len(containers), sum(active for _, active in sizes), total, idle
    )


def _volumes_row(usage: "Usage") -> Adapter:
    volumes = usage.get("Volumes") or []
    known = [volume["UsageData"] for volume in volumes if volume["UsageData"]["Size"] != -1]
    active = sum(volume["UsageData"]["RefCount"] > 0 for volume in volumes)
    idle = sum(data["Size"] for data in known if data["RefCount"] == 0)
    total = sum(data["Size"] for data in known)
    return _summary("Volumes", "Local Volumes", len(volumes), active, total, idle)


def _cache_row(usage: "Usage") -> Adapter:
    records = usage.get("BuildCache") or []
    total = _cache_size(usage)
    used = sum(record["Size"] for record in records if record["InUse"] and not record["Shared"])
    active = sum(bool(record["InUse"]) for record in records)
    # Docker gives no percentage here.
    return _summary("Builder", "Build Cache", len(records), active, total, total - used, percent=False)


def _summary(
    context: str, kind: str, count: int, active: int, total: int, reclaimable: int, *, percent: bool = True
) -> Adapter:
    """``context`` is what Docker's type for the kind is called after; complaints of templates name it."""
    text = human_size(reclaimable)
    if percent and total > 0:
        text += f" ({int(reclaimable * 100 / total)}%)"
    columns = {
        "Type": kind,
        "TotalCount": str(count),
        "Active": str(active),
        "Size": human_size(total),
        "Reclaimable": text,
    }
    return Adapter(f"*formatter.diskUsage{context}Context", columns)


def _image_rows(usage: "Usage", *, truncate: bool) -> list[Adapter]:
    rows = []
    for image in usage.get("Images") or ():
        name = next(iter(image.get("RepoTags") or ()), "")
        repository, _, tag = name.rpartition(":")
        if not repository or name == "<none>:<none>":
            repository = tag = _NONE
        rows.append(image_row(image, truncate, repository, tag, ""))
    return rows


def _container_rows(usage: "Usage", *, truncate: bool) -> list[Adapter]:
    # The size is without that of the image.
    containers = [{**container, "SizeRootFs": 0} for container in usage.get("Containers") or ()]
    return [container_row(container, truncate=truncate) for container in containers]


def _cache_size(usage: "Usage") -> int:
    return sum(record["Size"] for record in usage.get("BuildCache") or () if not record["Shared"])


def _cache_rows(usage: "Usage", *, truncate: bool) -> list[Adapter]:
    """Never used ones first, then by the time of the last use."""
    records = sorted(
        usage.get("BuildCache") or (), key=lambda record: (record.get("LastUsedAt") or "", record["ID"])
    )
    return [_record_row(record, truncate=truncate) for record in records]


def _record_row(record: "Usage", *, truncate: bool) -> Adapter:
    identifier = truncate_id(record["ID"]) if truncate else record["ID"]
    parents = ", ".join(record.get("Parents") or ()) or record.get("Parent") or ""
    return Adapter(
        "*formatter.buildCacheContext",
        {
            "ID": f"{identifier}*" if record["InUse"] else identifier,
            "Parent": truncate_id(parents) if truncate else parents,
            "CacheType": record["Type"],
            "Description": record.get("Description") or "",
            "Size": human_size(record["Size"], 3),
            "CreatedAt": record["CreatedAt"],
            "CreatedSince": lambda: _since(record["CreatedAt"]),
            "LastUsedAt": record.get("LastUsedAt") or "",
            "LastUsedSince": lambda: _since(record["LastUsedAt"]) if record.get("LastUsedAt") else "",
            "UsageCount": str(record["UsageCount"]),
            "InUse": "true" if record["InUse"] else "false",
            "Shared": "true" if record["Shared"] else "false",
        },
    )


def _since(moment: str) -> str:
    from scow.cli.timestamps import parse_moment

    return human_duration(time.time() - float(parse_moment(moment, time.time()))) + " ago"
