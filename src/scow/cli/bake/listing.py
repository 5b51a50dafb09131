"""``bake --list``: the targets, or the variables, that definition files have."""

import json
from collections.abc import Iterable, Mapping

from scow.cli.bake.definitions import Written
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Rows = list[tuple[str, ...]]

_TAB = 8


def listed(wanted: str, written: Written) -> str:
    """``wanted`` is ``targets``, ``variables``, or ``type=…,format=json``. Raises CommandError."""
    kind, form = _read(wanted)
    documents = list(_targets(written) if kind == "targets" else _variables(written))
    if form == "json":
        return json.dumps(documents or None, indent=2, ensure_ascii=False) + "\n"
    if kind == "targets":
        return _table([("TARGET", "DESCRIPTION"), *_rows(documents, ("name", "description"))])
    columns = ("name", "value", "description")
    return _table([("VARIABLE", "VALUE", "DESCRIPTION"), *_rows(documents, columns)])


def _read(wanted: str) -> tuple[str, str]:
    fields = {"type": "", "format": "table"}
    if "=" not in wanted and "," not in wanted:
        fields["type"] = wanted
    else:
        for field in wanted.split(","):
            key, equals, value = field.partition("=")
            if not equals:
                raise CommandError(f"ERROR: invalid value {field}")
            key = key.strip().lower()
            if key not in fields:
                raise CommandError(f"ERROR: unexpected key '{key}' in '{field}'")
            fields[key] = value
    if fields["type"] not in ("targets", "variables"):
        raise CommandError(f'ERROR: invalid list type "{fields["type"]}"')
    if fields["format"] not in ("table", "json"):
        raise CommandError(f'ERROR: invalid list format "{fields["format"]}"')
    return fields["type"], fields["format"]


def _targets(written: Written) -> "Iterable[dict[str, Any]]":
    """By name; what begins with an underscore is nobody's business."""
    for name in sorted({*written.targets, *written.groups}):
        if name.startswith("_"):
            continue
        about = [it["description"] for it in written.targets.get(name, []) if it.get("description")]
        is_group = name not in written.targets
        text = ", ".join(sorted(written.groups[name])) if is_group else "".join(about[-1:])
        yield {
            "name": name,
            **({"description": text} if text else {}),
            **({"group": True} if is_group else {}),
        }


def _variables(written: Written) -> "Iterable[dict[str, Any]]":
    for name, (value, about) in sorted(written.variables.items()):
        yield {
            "name": name,
            **({"description": about} if about else {}),
            **({"value": value} if value is not None else {}),
        }


def _rows(documents: "Iterable[Mapping[str, Any]]", columns: tuple[str, ...]) -> "Rows":
    return [tuple(it.get(key, "<null>" if key == "value" else "") for key in columns) for it in documents]


def _table(rows: "Rows") -> str:
    """As Go's tabwriter does it with tabs: each column is wider than what is in it, up to the next stop."""
    widths = [-(-(max(len(row[at]) for row in rows) + 1) // _TAB) * _TAB for at in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [
            text + "\t" * -(-(width - len(text)) // _TAB) for text, width in zip(row, widths, strict=False)
        ]
        lines.append("".join(cells) + row[-1] + "\n")
    return "".join(lines)
