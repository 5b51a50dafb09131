"""Expressions of HCL: text → a tree (HCL native syntax specification, "Expressions").

The methods stand in the order of the grammar, loosest binding first.
"""

from scow.cli.bake.hcl_nodes import (
    Attribute,
    Binary,
    Call,
    Conditional,
    For,
    HclError,
    Index,
    Item,
    ListNode,
    Literal,
    Node,
    ObjectNode,
    Splat,
    Unary,
    Variable,
)
from scow.cli.bake.hcl_scanner import DIGITS, Scanner
from scow.cli.bake.hcl_templates import parse_heredoc, parse_quoted

_OPERATORS = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))
_CONSTANTS = {"true": True, "false": False, "null": None}
_MAX_DEPTH = 40  # each takes a dozen of Python's calls


class ExpressionParser(Scanner):
    """Reads expressions from where the scanner is."""

    def __init__(self, text: str, at: int = 0, *, inside: bool = False) -> None:
        super().__init__(text, at, inside=inside)
        self._depth = 0

    def expression(self) -> Node:
        """Raises HclError."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise HclError("Invalid expression", "Expressions are nested too deeply.", self.at, self.at + 1)
        self.skip()
        at = self.at
        condition = self._binary(0)
        self.skip()
        if self.peek("?"):
            self.at += 1
            self._inside += 1  # a line may end after either mark
            if_true = self.expression()
            self.expect(":")
            self.skip()
            self._inside -= 1
            condition = Conditional(at, self.at, condition, if_true, self.expression())
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Node:
        if level == len(_OPERATORS):
            return self._unary()
        left = self._binary(level + 1)
        while operator := self._operator(_OPERATORS[level]):
            right = self._binary(level + 1)
            left = Binary(left.at, self.at, operator, left, right)
        return left

    def _operator(self, operators: tuple[str, ...]) -> str:
        self.skip()
        for operator in operators:
            if self.peek(operator):
                self.at += len(operator)
                self.skip(newlines=True)
                return operator
        return ""

    def _unary(self) -> Node:
        self.skip()
        at = self.at
        for operator in "!-":
            if self.peek(operator) and not self.peek("!="):
                self.at += 1
                return Unary(at, self.at, operator, self._unary())
        return self._traversed(self._term(), at)

    def _traversed(self, node: Node, at: int) -> Node:
        """``node`` with the attributes, indexes and splats behind it."""
        while True:
            if self.peek("[*]") or self.peek(".*"):
                self.at += 3 if self.peek("[*]") else 2
                each = self._traversed(Item(at, self.at), at)
                node = Splat(at, self.at, node, each)
            elif self.peek("["):
                node = Index(at, self.at, node, self._bracketed("[", "]"))
            elif self.peek(".") and not self.peek("..."):
                self.at += 1
                node = self._attribute(node, at)
            else:
                return node

    def _attribute(self, node: Node, at: int) -> Node:
        digits = self.digits()
        if digits:
            return Index(at, self.at, node, Literal(at, self.at, int(digits)))
        name = self.identifier()
        if not name:
            raise HclError(
                "Invalid attribute name", "An attribute name is required after a dot.", self.at, self.at + 1
            )
        return Attribute(at, self.at, node, name)

    def _bracketed(self, opening: str, closing: str) -> Node:
        self.expect(opening)
        self._inside += 1
        node = self.expression()
        self.skip()
        self._inside -= 1
        self.expect(closing)
        return node

    def _term(self) -> Node:
        at = self.at
        if self.at >= len(self.text):
            raise self._no_expression()
        char = self.text[self.at]
        if char in DIGITS:
            return self.number()
        if char == '"':
            node, self.at = parse_quoted(self.text, self.at)
            return node
        if self.peek("<<"):
            node, self.at = parse_heredoc(self.text, self.at)
            return node
        if char == "(":
            return self._bracketed("(", ")")
        if char == "[":
            return self._list()
        if char == "{":
            return self._object()
        name = self.identifier()
        if not name:
            raise self._no_expression()
        if self.peek("("):
            return self._call(name, at)
        if name in _CONSTANTS:
            return Literal(at, self.at, _CONSTANTS[name])
        return Variable(at, self.at, name)

    def _no_expression(self) -> HclError:
        return HclError(
            "Invalid expression",
            "Expected the start of an expression, but found an invalid expression token.",
            self.at,
            self.at + 1,
        )

    def _call(self, name: str, at: int) -> Node:
        self.at += 1
        self._inside += 1
        arguments: list[Node] = []
        spread = False
        self.skip()
        while not self.peek(")"):
            arguments.append(self.expression())
            self.skip()
            if self.peek("..."):
                self.at += 3
                spread = True
                self.skip()
            elif self.peek(","):
                self.at += 1
                self.skip()
            elif not self.peek(")"):
                raise HclError(
                    "Missing argument separator",
                    "A comma is required to separate each function argument from the next.",
                    self.at,
                    self.at + 1,
                )
        self._inside -= 1
        self.expect(")")
        return Call(at, self.at, name, tuple(arguments), spread)

    def _list(self) -> Node:
        at = self.at
        self.at += 1
        self._inside += 1
        self.skip()
        if self._begins_for():
            node = self._for(at, "]")
        else:
            items: list[Node] = []
            while not self.peek("]"):
                items.append(self.expression())
                self.skip()
                if self.peek(","):
                    self.at += 1
                    self.skip()
                elif not self.peek("]"):
                    raise HclError(
                        "Missing item separator",
                        "Expected a comma to mark the beginning of the next item.",
                        self.at,
                        self.at + 1,
                    )
            node = ListNode(at, self.at + 1, tuple(items))
        self._inside -= 1
        self.expect("]")
        return node

    def _object(self) -> Node:
        at = self.at
        self.at += 1
        self._inside += 1
        self.skip()
        node = self._for(at, "}") if self._begins_for() else self._object_items(at)
        self._inside -= 1
        self.expect("}")
        return node

    def _object_items(self, at: int) -> Node:
        """Items end with their line, or with a comma."""
        items: list[tuple[Node, Node]] = []
        while not self.peek("}"):
            key = self._key()
            self.skip()
            if not self.peek("=") and not self.peek(":"):
                raise HclError(
                    "Missing attribute value",
                    'Expected an attribute value, introduced by an equals sign ("=").',
                    self.at,
                    self.at + 1,
                )
            self.at += 1
            self.skip()
            outer, self._inside = self._inside, 0
            value = self.expression()
            self.skip()
            ended = self.peek("\n") or self.peek(",") or self.peek("}")
            self._inside = outer
            if not ended:
                raise HclError(
                    "Missing attribute separator",
                    "Expected a newline or comma to mark the beginning of the next attribute.",
                    self.at,
                    self.at + 1,
                )
            self.skip()
            if self.peek(","):
                self.at += 1
                self.skip()
            items.append((key, value))
        return ObjectNode(at, self.at + 1, tuple(items))

    def _key(self) -> Node:
        """A bare name is a text; in parentheses it is an expression."""
        is_expression = self.peek("(")
        node = self.expression()
        if isinstance(node, Variable) and not is_expression:
            return Literal(node.at, node.end, node.name)
        return node

    # For.

    def _begins_for(self) -> bool:
        after = self.text[self.at + 3 : self.at + 4]
        return self.peek("for") and after.isspace()

    def _name(self) -> str:
        self.skip()
        name = self.identifier()
        if not name:
            raise HclError(
                "Invalid 'for' expression",
                "For expression requires a variable name here.",
                self.at,
                self.at + 1,
            )
        return name

    def _for(self, at: int, closing: str) -> Node:
        self.at += 3
        key, item = "", self._name()
        self.skip()
        if self.peek(","):
            self.at += 1
            key, item = item, self._name()
        self.expect("in")
        of = self.expression()
        self.expect(":")
        result_key, result = None, self.expression()
        self.skip()
        if closing == "}":
            self.expect("=>")
            result_key, result = result, self.expression()
            self.skip()
        grouped = self.peek("...")
        self.at += 3 if grouped else 0
        self.skip()
        condition = None
        if self.peek("if"):
            self.at += 2
            condition = self.expression()
        self.skip()
        return For(at, self.at + 1, key, item, of, result_key, result, condition, grouped)
