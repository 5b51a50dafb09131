"""What a template parses into (text/template/parse/node.go).

``str(node)`` is the source text that Go quotes in errors; ``position`` is where Go says the node is.
"""

from __future__ import annotations

from scow.cli.go_values import quote


class Node:
    """Anything with a place in the text."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


class Text(Node):
    """Text outside actions, trimmed already."""

    __slots__ = ("text",)

    def __init__(self, position: int, text: str) -> None:
        self.position = position
        self.text = text

    def __str__(self) -> str:
        return self.text


class Sequence(Node):
    """Nodes one after another."""

    __slots__ = ("nodes",)

    def __init__(self, position: int) -> None:
        self.position = position
        self.nodes: list[Node] = []

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))


class Action(Node):
    """``{{pipeline}}``."""

    __slots__ = ("pipe",)

    def __init__(self, position: int, pipe: Pipe) -> None:
        self.position = position
        self.pipe = pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


class Branch(Node):
    """``if``, ``with`` or ``range``, as ``word`` says."""

    __slots__ = ("body", "otherwise", "pipe", "word")

    def __init__(
        self, position: int, word: str, pipe: Pipe, body: Sequence, otherwise: Sequence | None
    ) -> None:
        self.position = position
        self.word = word
        self.pipe = pipe
        self.body = body
        self.otherwise = otherwise

    def __str__(self) -> str:
        rest = "" if self.otherwise is None else f"{{{{else}}}}{self.otherwise}"
        return f"{{{{{self.word} {self.pipe}}}}}{self.body}{rest}{{{{end}}}}"


class Inclusion(Node):
    """``{{template "name" pipeline}}``; of a ``block``, too, whose body is a definition by then."""

    __slots__ = ("name", "pipe")

    def __init__(self, position: int, name: str, pipe: Pipe | None) -> None:
        self.position = position
        self.name = name
        self.pipe = pipe

    def __str__(self) -> str:
        data = "" if self.pipe is None else f" {self.pipe}"
        return f"{{{{template {quote(self.name)}{data}}}}}"


class Mark(Node):
    """``end``, ``else``, ``break`` or ``continue``, as ``word`` says."""

    __slots__ = ("word",)

    def __init__(self, position: int, word: str) -> None:
        self.position = position
        self.word = word

    def __str__(self) -> str:
        return f"{{{{{self.word}}}}}"


class Pipe(Node):
    """Commands, each given the value of the one before; ``declared`` are the variables that get the last."""

    __slots__ = ("assigns", "commands", "declared")

    def __init__(self, position: int) -> None:
        self.position = position
        self.assigns = False
        self.declared: list[Variable] = []
        self.commands: list[Command] = []

    def __str__(self) -> str:
        head = ", ".join(map(str, self.declared))
        if head:
            head += " = " if self.assigns else " := "
        return head + " | ".join(map(str, self.commands))


class Command(Node):
    """An operand, or a function with its arguments."""

    __slots__ = ("words",)

    def __init__(self, position: int) -> None:
        self.position = position
        self.words: list[Node] = []

    def __str__(self) -> str:
        return " ".join(f"({word})" if isinstance(word, Pipe) else str(word) for word in self.words)


class Identifier(Node):
    """The name of a function."""

    __slots__ = ("name",)

    def __init__(self, position: int, name: str) -> None:
        self.position = position
        self.name = name

    def __str__(self) -> str:
        return self.name


class Field(Node):
    """``.A.B``: names looked up one in the other, from dot on."""

    __slots__ = ("names",)

    def __init__(self, position: int, names: list[str]) -> None:
        self.position = position
        self.names = names

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


class Variable(Node):
    """``$x.A.B``: ``names`` holds "$x" first."""

    __slots__ = ("names",)

    def __init__(self, position: int, names: list[str]) -> None:
        self.position = position
        self.names = names

    def __str__(self) -> str:
        return ".".join(self.names)


class Chain(Node):
    """``(pipeline).A.B``, or fields of what a function gives."""

    __slots__ = ("names", "node")

    def __init__(self, position: int, node: Node, names: list[str]) -> None:
        self.position = position
        self.node = node
        self.names = names

    def __str__(self) -> str:
        head = f"({self.node})" if isinstance(self.node, Pipe) else str(self.node)
        return head + "".join(f".{name}" for name in self.names)


class Dot(Node):
    """``.``."""

    __slots__ = ()

    def __str__(self) -> str:
        return "."


class Nil(Node):
    """``nil``."""

    __slots__ = ()

    def __str__(self) -> str:
        return "nil"


class Literal(Node):
    """A bool, number, character or string; ``source`` as it was written."""

    __slots__ = ("source", "value")

    def __init__(self, position: int, source: str, value: bool | int | float | str) -> None:
        self.position = position
        self.source = source
        self.value = value

    def __str__(self) -> str:
        return self.source
