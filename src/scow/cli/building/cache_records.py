"""The build cache as buildx shows it: rows, whole records, sums, and filters."""

import re
import time

from scow.cli.exits import CommandError
from scow.cli.units import human_size
from scow.spec.human_duration import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Record = dict[str, Any]

_TAB = 8
_FRACTION = re.compile(r"(\.\d{1,6})\d*")


def chosen(records: "Iterable[Record]", filters: dict[str, list[str]]) -> "list[Record]":
    """Those that pass all filters. Raises CommandError for one that cannot be."""
    found = list(records)
    for name, values in filters.items():
        if len(values) > 1:
            raise CommandError(f"ERROR: {name} expects only one value")
        test = _test(name, values[0])
        found = [record for record in found if test(record)]
    return found


def _test(name: str, value: str) -> "Callable[[Record], bool]":
    if name in ("until", "unused-for"):
        from scow.cli.go_values import parse_duration

        before = time.time() - parse_duration(value) / 1e9
        return lambda record: _seconds(record.get("LastUsedAt") or record.get("CreatedAt") or "") < before
    if name == "id":
        return lambda record: value in record["ID"]
    if name == "type":
        return lambda record: bool(record.get("Type") == value)
    if name == "description":
        return lambda record: value in record.get("Description", "")
    if name in ("parent", "parents"):
        return lambda record: any(value in it for it in record.get("Parents") or ())
    flags: dict[str, Callable[[Record], bool]] = {
        "inuse": lambda record: bool(record.get("InUse")),
        "shared": lambda record: bool(record.get("Shared")),
        "private": lambda record: not record.get("Shared"),
        "mutable": is_mutable,
        "immutable": lambda record: not is_mutable(record),
    }
    if name not in flags:
        raise CommandError(f"ERROR: invalid filter '{name}=={value}'")
    wanted = value not in ("false", "0")
    return lambda record: flags[name](record) is wanted


def is_mutable(record: "Record") -> bool:
    """A cache mount changes, a result does not."""
    return record.get("Type") == "exec.cachemount"


def table(records: "Iterable[Record]") -> str:
    """With its head."""
    rows = [["ID", "RECLAIMABLE", "SIZE", "LAST ACCESSED"]]
    for record in records:
        size = human_size(record["Size"]) + ("*" if record.get("Shared") else "")
        name = record["ID"] + ("*" if is_mutable(record) else "")
        reclaimable = "false" if record.get("InUse") else "true"
        rows.append([f"{name:40}", f"{reclaimable:5}", f"{size:10}", _ago(record.get("LastUsedAt"))])
    return tabbed(rows)


def whole(record: "Record") -> str:
    """Everything about one, as lines."""
    fields = [["ID:", record["ID"]]]
    if parents := record.get("Parents"):
        fields.append(["Parents:" if len(parents) > 1 else "Parent:", ";".join(parents)])
    fields += [
        ["Created at:", _moment(record.get("CreatedAt", ""))],
        ["Mutable:", _word(is_mutable(record))],
        ["Reclaimable:", _word(not record.get("InUse"))],
        ["Shared:", _word(record.get("Shared", False))],
        ["Size:", human_size(record["Size"])],
    ]
    if record.get("Description"):
        fields.append(["Description:", record["Description"]])
    fields.append(["Usage count:", str(record.get("UsageCount", 0))])
    if record.get("LastUsedAt"):
        fields.append(["Last used:", _ago(record["LastUsedAt"])])
    fields.append(["Type:", record.get("Type", "")])
    return tabbed(fields) + "\n"


def sums(records: "Iterable[Record]") -> str:
    """What is shared with images, what is not, what a prune could take, and all."""
    found = list(records)
    total = sum(it["Size"] for it in found)
    shared = sum(it["Size"] for it in found if it.get("Shared"))
    reclaimable = sum(it["Size"] for it in found if not it.get("InUse"))
    rows = [["Shared:", shared], ["Private:", total - shared]] if shared else []
    rows += [["Reclaimable:", reclaimable], ["Total:", total]]
    return tabbed([[str(name), human_size(float(size))] for name, size in rows])


def tabbed(rows: "list[list[str]]") -> str:
    """Cells in line by tabs, as Go's tabwriter does with a padding of one."""
    columns = max(map(len, rows)) - 1
    widths = [-(-(max(len(row[at]) for row in rows) + 1) // _TAB) * _TAB for at in range(columns)]
    lines = []
    for row in rows:
        cells = [cell + "\t" * -(-(widths[at] - len(cell)) // _TAB) for at, cell in enumerate(row[:-1])]
        lines.append("".join(cells) + row[-1])
    return "".join(f"{line}\n" for line in lines)


def _word(value: bool) -> str:
    return "true" if value else "false"


def _seconds(text: str) -> float:
    from datetime import datetime

    if not text:
        return 0.0
    return datetime.fromisoformat(_FRACTION.sub(r"\1", text).replace("Z", "+00:00")).timestamp()


def _ago(text: "str | None") -> str:
    return f"{human_duration(max(0.0, time.time() - _seconds(text)))} ago" if text else ""


def _moment(text: str) -> str:
    """As Go prints a time in UTC."""
    return text.replace("T", " ").replace("Z", " +0000 UTC")
