"""Images with their platforms below them: what ``images --tree`` prints.

An image of several platforms has ``Manifests`` in the engine's answer (API 1.47); an engine that keeps one
platform of each image gives none, and then the image alone is a row. Docker calls its own picture
experimental and prints it in colours; the columns are the same here.
"""

from scow.cli.units import ellipsis, human_size, truncate_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Summary = dict[str, Any]
    Row = tuple[str, str, str, str, str]

_HEADERS = ("IMAGE", "ID", "DISK USAGE", "CONTENT SIZE", "EXTRA")
_LEGEND = "Info ->  U In Use"
_GAP = 3
_OTHER_COLUMNS = 52
_NARROWEST = 20
_UNTAGGED = "<untagged>"


def tree_text(images: "Iterable[Summary]", width: int) -> str:
    """The whole picture for a terminal of ``width`` columns; images newest first, a blank line between."""
    groups = [list(_rows(image)) for image in sorted(images, key=_created, reverse=True)]
    room = max(_NARROWEST, width - _OTHER_COLUMNS)
    rows = [row for group in groups for row in group]
    name_width = min(room, max([len(row[0]) for row in rows], default=0))
    widths = [max(name_width, len(_HEADERS[0])), 12, 10, 12, 5]
    lines = [_line(_HEADERS, widths, room, header=True)]
    for group in groups:
        lines += [_line(row, widths, room) for row in group]
        lines.append("")
    total = sum(widths) + _GAP * (len(widths) - 1)
    return "\n".join([_LEGEND.rjust(total), "", *lines]).rstrip("\n") + "\n"


def _created(image: "Summary") -> int:
    return int(image.get("Created") or 0)


def _rows(image: "Summary") -> "Iterator[Row]":
    names = list(image.get("RepoTags") or ()) or [_UNTAGGED]
    manifests = [it for it in image.get("Manifests") or () if it.get("Kind") == "image"]
    content = sum(it["Size"]["Content"] for it in manifests)
    for name in names[:-1]:
        yield name, "", "", "", ""
    used = "U" if (image.get("Containers") or 0) > 0 else ""
    yield names[-1], _short(image["Id"]), _size(image.get("Size")), _size(content), used
    for number, manifest in enumerate(manifests, start=1):
        data = manifest.get("ImageData") or {}
        branch = "└─" if number == len(manifests) else "├─"
        size = manifest["Size"]
        yield (
            f"{branch} {_platform(data.get('Platform') or {})}",
            _short(manifest["ID"]),
            _size(size["Total"]),
            _size(size["Content"]),
            "U" if data.get("Containers") else "",
        )


def _platform(platform: "dict[str, Any]") -> str:
    parts = [platform.get("os") or "", platform.get("architecture") or "", platform.get("variant") or ""]
    return "/".join(filter(None, parts))


def _short(identifier: str) -> str:
    return truncate_id(identifier)


def _size(size: "int | None") -> str:
    return human_size(size or 0, 3)


def _line(row: "Row", widths: list[int], room: int, *, header: bool = False) -> str:
    name, identifier, usage, content, extra = row
    cells = [ellipsis(name, room).ljust(widths[0]), identifier.ljust(widths[1])]
    for text, width in zip((usage, content), widths[2:4], strict=True):
        cells.append(text.ljust(width) if header else text.rjust(width))
    return (" " * _GAP).join([*cells, extra]).rstrip()
