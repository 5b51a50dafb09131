"""The same definitions out of JSON (HCL JSON syntax specification): every text is a template."""

import json

from scow.cli.bake.hcl_nodes import Block, Body, HclError, ListNode, Literal, Node, ObjectNode
from scow.cli.bake.hcl_templates import parse_template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LABELLED = ("variable", "function", "group", "target")
_INNER = ("validation",)


def parse_json(text: str) -> Body:
    """Raises HclError."""
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as exc:
        at = exc.pos if isinstance(exc, json.JSONDecodeError) else 0
        raise HclError("Invalid JSON", f"{exc}.", at, at + 1) from exc
    if not isinstance(document, dict):
        raise HclError("Root value must be object", "The root value in a JSON file must be an object.", 0, 1)
    attributes: dict[str, Node] = {}
    blocks: list[Block] = []
    for name, value in document.items():
        if name in _LABELLED:
            blocks += _blocks(name, value)
        else:
            attributes[name] = _node(value)
    return Body(attributes, tuple(blocks))


def _blocks(kind: str, value: "Any") -> list[Block]:
    """Objects by label, each of which may be one of a list."""
    found = []
    for group in value if isinstance(value, list) else [value]:
        for label, content in _object(group).items():
            found += [_block(kind, label, it) for it in (content if isinstance(content, list) else [content])]
    return found


def _block(kind: str, label: str, content: "Any") -> Block:
    fields = _object(content)
    inner = [
        Block(name, (), Body({key: _node(it) for key, it in _object(one).items()}, ()), -1, -1)
        for name in _INNER
        if name in fields
        for one in (fields[name] if isinstance(fields[name], list) else [fields[name]])
    ]
    attributes = {
        name: _text_only(value) if (kind, name) in _NOT_TEMPLATES else _node(value)
        for name, value in fields.items()
        if name not in _INNER
    }
    return Block(kind, (label,), Body(attributes, tuple(inner)), -1, -1)


_NOT_TEMPLATES = {("variable", "type"), ("variable", "description")}


def _text_only(value: "Any") -> Node:
    return Literal(-1, -1, value)


def _object(value: "Any") -> "dict[str, Any]":
    if not isinstance(value, dict):
        raise HclError("Incorrect JSON value type", "A JSON object is required here.")
    return value


def _node(value: "Any") -> Node:
    if isinstance(value, str):
        return parse_template(value)
    if isinstance(value, list):
        return ListNode(-1, -1, tuple(map(_node, value)))
    if isinstance(value, dict):
        items = tuple((parse_template(key), _node(it)) for key, it in value.items())
        return ObjectNode(-1, -1, items)
    return Literal(-1, -1, value)
