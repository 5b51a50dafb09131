"""All definition files together: variables and functions, and targets and groups as they were written."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scow.cli.bake.fields import FIELDS, Fields
from scow.cli.bake.hcl_evaluate import Inner, Scope, evaluate
from scow.cli.bake.hcl_functions import FUNCTIONS
from scow.cli.bake.hcl_nodes import Block, Body, HclError, ListNode, Literal, Node, Source, Variable
from scow.cli.bake.hcl_values import Value, kind_of, pairs_of, to_number, to_switch, to_text
from scow.errors import InvalidArgumentError

NAME = re.compile(r"[a-zA-Z0-9_-]+")
_MAX_MATRIX = 10_000


@dataclass(frozen=True, slots=True)
class Placed:
    """Something in a file."""

    source: Source
    block: Block


@dataclass(slots=True)
class Written:
    """Targets and groups by name, in order of their first appearance; later definitions come later.

    ``variables`` have their values as text, ``None`` for null, and their descriptions.
    """

    targets: dict[str, list[Fields]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, tuple[str | None, str]] = field(default_factory=dict)


class Definitions:
    """See ``hcl_evaluate.Scope``. ``environ`` overrides variables; ``known`` are those that bake has."""

    def __init__(
        self, files: list[tuple[Source, Body]], environ: Mapping[str, str], known: Mapping[str, str]
    ) -> None:
        self._environ = environ
        self._known = known
        self._globals: dict[str, tuple[Source, Node]] = {}
        self._variables: dict[str, Placed] = {}
        self._functions: dict[str, Placed] = {}
        self._blocks: list[Placed] = []
        self._values: dict[str, Value] = {}
        self._open: list[str] = []
        for source, body in files:
            self._take(source, body)

    def _take(self, source: Source, body: Body) -> None:
        for name, node in body.attributes.items():
            self._globals[name] = (source, node)
        for block in body.blocks:
            placed = Placed(source, block)
            if not block.labels:
                continue
            if block.kind == "variable":
                self._variables[block.labels[0]] = placed
            elif block.kind == "function":
                self._functions[block.labels[0]] = placed
            elif block.kind in ("target", "group"):
                self._blocks.append(placed)

    # What names mean.

    def variable(self, name: str) -> Value:
        """See ``Scope``."""
        if name not in self._values:
            if name in self._open:
                raise HclError("Invalid expression", f"variable cycle not allowed for {name}")
            self._open.append(name)
            try:
                self._values[name] = self._found(name)
            finally:
                self._open.pop()
        return self._values[name]

    def _found(self, name: str) -> Value:
        if name in self._variables:
            return self._variable(name, self._variables[name])
        if name in self._globals:
            source, node = self._globals[name]
            value = self._value(source, node, self)
            return _overridden(name, value, self._environ[name]) if name in self._environ else value
        if name in self._known:
            return self._known[name]
        if name in ("target", "group"):
            return self._named(name)
        raise LookupError(name)

    def _variable(self, name: str, placed: Placed) -> Value:
        body = placed.block.body
        default: Value = ""
        if "default" in body.attributes:
            default = self._value(placed.source, body.attributes["default"], self)
        value = _overridden(name, default, self._environ[name]) if name in self._environ else default
        for inner in body.blocks:
            if inner.kind == "validation":
                self._validate(name, value, placed.source, inner.body)
        return value

    def _validate(self, name: str, value: Value, source: Source, body: Body) -> None:
        condition = body.attributes.get("condition")
        scope = Inner(self, {name: value})
        if condition is None or to_switch(self._value(source, condition, scope)):
            return
        message = body.attributes.get("error_message")
        detail = (
            to_text(self._value(source, message, scope))
            if message
            else "This check failed, but has an invalid error message."
        )
        error = HclError("Validation failed", detail, condition.at, condition.end)
        error.source = source
        raise error

    def _named(self, kind: str) -> Value:
        """``target.<name>.<field>``: as it is written."""
        return _Lazy(
            {it.block.labels[0]: it for it in self._blocks if it.block.kind == kind}, self._value, self
        )

    def function(self, name: str) -> Callable[..., Value] | None:
        """See ``Scope``."""
        placed = self._functions.get(name)
        return self._defined(name, placed) if placed is not None else FUNCTIONS.get(name)

    def names(self) -> tuple[list[str], list[str]]:
        """See ``Scope``."""
        return [*self._variables, *self._globals, *self._known], [*self._functions, *sorted(FUNCTIONS)]

    def _defined(self, name: str, placed: Placed) -> Callable[..., Value]:
        body = placed.block.body
        parameters = _names_in(body.attributes.get("params"))
        rest = _names_in(body.attributes.get("variadic_params"))[:1]
        result = body.attributes.get("result")
        if result is None:
            raise HclError(
                "Missing required argument", 'The argument "result" is required, but no definition was found.'
            )

        def call(*values: Value) -> Value:
            if len(values) < len(parameters) or (len(values) > len(parameters) and not rest):
                raise InvalidArgumentError(f"it takes {len(parameters)} arguments, not {len(values)}")
            bound = dict(zip(parameters, values, strict=False))
            bound |= {it: list(values[len(parameters) :]) for it in rest}
            if len(self._open) > 100:
                raise InvalidArgumentError("it calls itself without end")
            self._open.append(f"{name}()")
            try:
                return self._value(placed.source, result, Inner(self, bound))
            finally:
                self._open.pop()

        return call

    def _value(self, source: Source, node: Node, scope: Scope) -> Value:
        """Errors are said of ``source``, unless they come from another file."""
        try:
            return evaluate(node, scope)
        except HclError as exc:
            if exc.source is None:
                exc.source = source
                if exc.at < 0:
                    exc.at, exc.end = node.at, node.end
            raise

    # Targets and groups.

    def written(self) -> Written:
        """Everything evaluated. Raises HclError, InvalidArgumentError."""
        found = Written(variables={name: self._told(name) for name in self._variables})
        for placed in self._blocks:
            name = placed.block.labels[0]
            if placed.block.kind == "group":
                targets = self._fields(placed, self, ("targets",)).get("targets", [])
                found.groups[name] = list(dict.fromkeys(targets))
            else:
                self._add_target(placed, name, found)
        return found

    def _told(self, name: str) -> tuple[str | None, str]:
        """A variable's value, and what it says of itself."""
        placed, value = self._variables[name], self.variable(name)
        about = placed.block.body.attributes.get("description")
        text = (
            json.dumps(value)
            if isinstance(value, list | dict)
            else to_text(value)
            if value is not None
            else None
        )
        return text, to_text(self._value(placed.source, about, self)) if about is not None else ""

    def _add_target(self, placed: Placed, name: str, found: Written) -> None:
        attributes = placed.block.body.attributes
        if "matrix" not in attributes:
            _check_name(name, placed)
            found.targets.setdefault(name, []).append(self._fields(placed, self, FIELDS))
            return
        matrix = self._value(placed.source, attributes["matrix"], self)
        names: list[str] = []
        for bound in _combinations(matrix):
            scope = Inner(self, bound)
            own = attributes.get("name")
            if own is None:
                raise HclError(
                    "Missing name", f'target "{name}" has a matrix and no name of its own for each'
                )
            one = to_text(self._value(placed.source, own, scope))
            _check_name(one, placed)
            found.targets.setdefault(one, []).append(self._fields(placed, scope, FIELDS))
            names.append(one)
        found.groups[name] = list(dict.fromkeys(names))

    def _fields(self, placed: Placed, scope: Scope, wanted: Any) -> Fields:
        fields: Fields = {}
        for name, node in placed.block.body.attributes.items():
            if name not in wanted:
                continue
            value = self._value(placed.source, node, scope)
            if value is None:
                continue
            try:
                read = FIELDS[name].read if name in FIELDS else FIELDS["tags"].read
                fields[name] = read(value)
            except InvalidArgumentError as exc:
                error = HclError(
                    "Unsuitable value type", f"Unsuitable value: {exc.message}", node.at, node.end
                )
                error.source = placed.source
                raise error from exc
        return fields


class _Lazy(Mapping[str, Value]):
    """Blocks by name, or a block's attributes, each evaluated when it is asked for."""

    def __init__(
        self,
        blocks: Mapping[str, Placed],
        value: Callable[[Source, Node, Scope], Value],
        scope: Definitions,
        placed: Placed | None = None,
    ) -> None:
        self._blocks = blocks
        self._value = value
        self._scope = scope
        self._placed = placed

    def __getitem__(self, name: str) -> Value:
        if self._placed is None:
            return _Lazy({}, self._value, self._scope, self._blocks[name])
        return self._value(self._placed.source, self._placed.block.body.attributes[name], self._scope)

    def __iter__(self) -> Any:
        return iter(self._blocks if self._placed is None else self._placed.block.body.attributes)

    def __len__(self) -> int:
        return len(list(iter(self)))


def _names_in(node: Node | None) -> list[str]:
    """Parameters are names, or texts in JSON."""
    if isinstance(node, ListNode):
        return [name for item in node.items for name in _names_in(item)]
    if isinstance(node, Variable):
        return [node.name]
    return [str(node.value)] if isinstance(node, Literal) else []


def _check_name(name: str, placed: Placed) -> None:
    if not NAME.fullmatch(name):
        error = HclError(
            "Invalid name",
            f'only "[a-zA-Z0-9_-]+" are allowed, not "{name}"',
            placed.block.at,
            placed.block.end,
        )
        error.source = placed.source
        raise error


def _overridden(name: str, default: Value, text: str) -> Value:
    """What the environment has, of the kind that the default is. Raises HclError."""
    kind = kind_of(default)
    try:
        if kind == "bool":
            return to_switch(text)
        if kind == "number":
            return to_number(text)
    except InvalidArgumentError as exc:
        raise HclError("Invalid expression", f"failed to parse {name} as {kind}") from exc
    if kind == "tuple":
        return [it.strip() for it in text.split(",")]
    if kind == "object":
        raise HclError("Invalid expression", f"unsupported type {kind} for variable {name}")
    return text


def _combinations(matrix: Value) -> list[dict[str, Value]]:
    """Each item of each list with each of the others; the first name changes quickest."""
    found: list[dict[str, Value]] = [{}]
    if not isinstance(matrix, dict):
        raise HclError("Invalid matrix", "A matrix is a map of lists.")
    for name, values in pairs_of(matrix):
        if not isinstance(values, list):
            raise HclError("Invalid matrix", f'The values of "{name}" are not a list.')
        found = [{**one, name: value} for value in values for one in found]
        if len(found) > _MAX_MATRIX:
            raise HclError("Invalid matrix", f"It has more than {_MAX_MATRIX} combinations.")
    return found
