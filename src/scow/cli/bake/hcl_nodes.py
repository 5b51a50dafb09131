"""What HCL says, as a tree (HCL native syntax specification). ``at`` and ``end`` are offsets in the text."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """A file: what it is called, and what it says."""

    name: str
    text: str


class HclError(Exception):
    """A mistake in a definition: what kind, what exactly, and where. ``source`` is for who knows the file."""

    def __init__(self, summary: str, detail: str, at: int = -1, end: int = -1) -> None:
        super().__init__(f"{summary}; {detail}")
        self.source: Source | None = None
        self.summary = summary
        self.detail = detail
        self.at = at
        self.end = max(end, at)


@dataclass(frozen=True, slots=True)
class Node:
    """Any expression."""

    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: Any


@dataclass(frozen=True, slots=True)
class Variable(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    of: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    of: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Splat(Node):
    """``of[*].name``: what ``each`` comes to for every item, which is ``Item`` in it."""

    of: Node
    each: Node


@dataclass(frozen=True, slots=True)
class Item(Node):
    """The item that a splat is at."""


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``spread``: the last argument is a list of further ones."""

    name: str
    arguments: tuple[Node, ...]
    spread: bool


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    condition: Node
    if_true: Node
    if_false: Node


@dataclass(frozen=True, slots=True)
class ListNode(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ObjectNode(Node):
    items: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class For(Node):
    """``[for key, item in of: result if condition]``; an object if there is a ``result_key``.

    ``grouped``: ``...`` makes a list of what has the same key.
    """

    key: str
    item: str
    of: Node
    result_key: Node | None
    result: Node
    condition: Node | None
    grouped: bool


@dataclass(frozen=True, slots=True)
class Template(Node):
    """Text and expressions; directives are ``Conditional`` and ``Repeat`` among the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat(Node):
    """``%{ for … }`` in a template."""

    key: str
    item: str
    of: Node
    body: Node


@dataclass(frozen=True, slots=True)
class Block:
    """``type "label" { … }``."""

    kind: str
    labels: tuple[str, ...]
    body: "Body"
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Body:
    """What a file or a block holds."""

    attributes: dict[str, Node]
    blocks: tuple[Block, ...]
