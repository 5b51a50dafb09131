"""The nodes of a builder: each an engine, and the platforms that it is to build for.

Nodes are as buildx stores them. Two of one builder never have the same engine, nor a platform in common.
"""

from scow.cli.builders import Builder, check_name
from scow.cli.exits import CommandError
from scow.errors import InvalidArgumentError
from scow.spec.platform import parse_platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Node = dict[str, Any]

_OTHER_FIELDS = ("Platforms", "DriverOpts", "Flags", "Files")


def put_node(builder: Builder, given: "Node", *, append: bool) -> None:
    """Change the node of the name that is given, or add one.

    ``given`` has what was said of it and nothing else; its endpoint is what a new one needs. Raises
    CommandError in buildx's words.
    """
    name = given.get("Name", "")
    known = next((it for it in builder.nodes if it["Name"] == name), None)
    if known is None:
        if builder.nodes and not append:
            raise CommandError(f"ERROR: node {name} not found, did you mean to append?")
        name = check_name(name).lower() if name else _free_name(builder)
        known = {"Name": name, "Endpoint": "", **dict.fromkeys(_OTHER_FIELDS)}
        builder.nodes = [*builder.nodes, known]
    known |= {key: value for key, value in given.items() if key != "Name"}
    if sum(1 for it in builder.nodes if it["Endpoint"] == known["Endpoint"]) > 1:
        raise CommandError(f"ERROR: invalid duplicate endpoint {known['Endpoint']}")
    taken = known["Platforms"] or []
    for other in builder.nodes:
        if other is not known and other.get("Platforms"):
            other["Platforms"] = [it for it in other["Platforms"] if it not in taken] or None


def leave(builder: Builder, name: str) -> None:
    """Take a node away. Raises CommandError."""
    kept = [it for it in builder.nodes if it["Name"] != name]
    if len(kept) == len(builder.nodes):
        raise CommandError(f'ERROR: node "{name}" not found for {builder.name}')
    if not kept:
        raise CommandError("ERROR: can not leave last node, do you want to rm instance instead?")
    builder.nodes = kept


def platforms_of(texts: "Iterable[str]") -> "list[dict[str, str]] | None":
    """As a node has them. Raises CommandError."""
    try:
        found = [parse_platform(part) for text in texts for part in text.split(",")]
    except InvalidArgumentError as exc:
        raise CommandError(f"ERROR: {exc.message}") from exc
    return [
        {
            "architecture": it.architecture,
            "os": it.os,
            **({"variant": it.variant} if it.variant else {}),
        }
        for it in dict.fromkeys(found)
    ] or None


def fixed_platforms(node: "Node") -> list[str]:
    """As ``create --platform`` had them."""
    fixed = node.get("Platforms") or []
    return ["/".join(filter(None, (it["os"], it["architecture"], it.get("variant")))) for it in fixed]


def _free_name(builder: Builder) -> str:
    names = {it["Name"] for it in builder.nodes}
    numbers = range(len(names) + 1)
    return next(name for number in numbers if (name := f"{builder.name}{number}") not in names)
