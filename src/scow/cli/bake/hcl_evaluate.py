"""Expressions of HCL → values (HCL syntax-agnostic information model)."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

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
    Repeat,
    Splat,
    Template,
    Unary,
    Variable,
)
from scow.cli.bake.hcl_values import Value, equal, pairs_of, plain, to_number, to_switch, to_text
from scow.errors import InvalidArgumentError

_ITEM = "\0item"
_MAX_DEPTH = 120


class Scope(Protocol):
    """What names mean."""

    def variable(self, name: str) -> Value:
        """Raises LookupError; HclError if its own definition is wrong."""

    def function(self, name: str) -> "Callable[..., Value] | None": ...

    def names(self) -> tuple[list[str], list[str]]:
        """Of variables and functions, to suggest one."""


class Inner:
    """A scope with a few more variables."""

    def __init__(self, outer: Scope, more: Mapping[str, Value]) -> None:
        self._outer = outer
        self._more = more

    def variable(self, name: str) -> Value:
        """See ``Scope``."""
        return self._more[name] if name in self._more else self._outer.variable(name)

    def function(self, name: str) -> "Callable[..., Value] | None":
        """See ``Scope``."""
        return self._outer.function(name)

    def names(self) -> tuple[list[str], list[str]]:
        """See ``Scope``."""
        variables, functions = self._outer.names()
        return [*self._more, *variables], functions


def evaluate(node: Node, scope: Scope, depth: int = 0) -> Value:
    """Raises HclError."""
    if depth > _MAX_DEPTH:
        raise HclError("Invalid expression", "Expressions are nested too deeply.", node.at, node.end)
    try:
        return _CASES[type(node)](node, scope, depth + 1)
    except InvalidArgumentError as exc:
        raise HclError("Unsuitable value", exc.message, node.at, node.end) from exc


def _variable(node: Variable, scope: Scope, _depth: int) -> Value:
    try:
        return scope.variable(node.name)
    except LookupError:
        hint = _suggestion(node.name, scope.names()[0])
        detail = f'There is no variable named "{node.name}".{hint}'
        raise HclError("Unknown variable", detail, node.at, node.end) from None


def _suggestion(name: str, known: list[str]) -> str:
    near = [it for it in known if _distance(name, it) < 3 and not it.startswith("\0")]
    return f' Did you mean "{near[0]}"?' if near else ""


def _distance(left: str, right: str) -> int:
    """How many letters must change (Levenshtein)."""
    row = list(range(len(right) + 1))
    for number, letter in enumerate(left, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(right, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (letter != other)),
            )
    return row[-1]


def _attribute(node: Attribute, scope: Scope, depth: int) -> Value:
    of = evaluate(node.of, scope, depth)
    if isinstance(of, Mapping):
        if node.name in of:
            return of[node.name]
        raise HclError(
            "Unsupported attribute",
            f'This object does not have an attribute named "{node.name}".',
            node.at,
            node.end,
        )
    if of is None:
        raise HclError(
            "Attempt to get attribute from null value",
            "This value is null, so it does not have any attributes.",
            node.at,
            node.end,
        )
    raise HclError("Unsupported attribute", "This value does not have any attributes.", node.at, node.end)


def _index(node: Index, scope: Scope, depth: int) -> Value:
    of, key = evaluate(node.of, scope, depth), evaluate(node.key, scope, depth)
    if isinstance(of, list):
        number = to_number(key)
        if number == int(number) and 0 <= number < len(of):
            return of[int(number)]
    elif isinstance(of, Mapping):
        if to_text(key) in of:
            return of[to_text(key)]
    else:
        raise HclError("Invalid index", "This value does not have any indices.", node.at, node.end)
    raise HclError(
        "Invalid index",
        "The given key does not identify an element in this collection value.",
        node.at,
        node.end,
    )


def _splat(node: Splat, scope: Scope, depth: int) -> Value:
    of = evaluate(node.of, scope, depth)
    items = of if isinstance(of, list) else [] if of is None else [of]
    return [evaluate(node.each, Inner(scope, {_ITEM: item}), depth) for item in items]


def _call(node: Call, scope: Scope, depth: int) -> Value:
    if node.name in ("try", "can"):
        return _tried(node, scope, depth)
    function = scope.function(node.name)
    if function is None:
        hint = _suggestion(node.name, scope.names()[1])
        detail = f'There is no function named "{node.name}".{hint}'
        raise HclError("Call to unknown function", detail, node.at, node.at + len(node.name))
    arguments = [evaluate(it, scope, depth) for it in node.arguments]
    if node.spread:
        last = arguments.pop()
        if not isinstance(last, list):
            raise HclError(
                "Invalid expanding argument value",
                "The expanding argument (indicated by ...) must be of a tuple, list, or set type.",
                node.at,
                node.end,
            )
        arguments += last
    try:
        return function(*arguments)
    except (InvalidArgumentError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as exc:
        detail = (
            exc.message if isinstance(exc, InvalidArgumentError) else "its arguments are not what it takes"
        )
        raise HclError(
            "Error in function call", f'Call to function "{node.name}" failed: {detail}.', node.at, node.end
        ) from exc


def _tried(node: Call, scope: Scope, depth: int) -> Value:
    """``try``: the first argument that can be evaluated; ``can``: whether its one can be."""
    for argument in node.arguments:
        try:
            value = evaluate(argument, scope, depth)
        except HclError:
            continue
        return True if node.name == "can" else value
    if node.name == "can":
        return False
    raise HclError(
        "Error in function call",
        'Call to function "try" failed: no expression succeeded.',
        node.at,
        node.end,
    )


def _unary(node: Unary, scope: Scope, depth: int) -> Value:
    operand = evaluate(node.operand, scope, depth)
    return not to_switch(operand) if node.operator == "!" else -to_number(operand)


def _divided(left: float, right: float) -> float:
    if right == 0:
        raise InvalidArgumentError("Cannot divide by zero.")
    return left / right


def _modulo(left: float, right: float) -> float:
    if right == 0:
        raise InvalidArgumentError("Cannot divide by zero.")
    return left - right * int(left / right)  # of the sign of what is divided, as Go's


_ARITHMETIC: dict[str, Callable[[float, float], Value]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": _modulo,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def _binary(node: Binary, scope: Scope, depth: int) -> Value:
    left, right = evaluate(node.left, scope, depth), evaluate(node.right, scope, depth)
    match node.operator:
        case "==":
            return equal(left, right)
        case "!=":
            return not equal(left, right)
        case "&&":
            return to_switch(left) and to_switch(right)
        case "||":
            return to_switch(left) or to_switch(right)
        case operator:
            found = _ARITHMETIC[operator](to_number(left), to_number(right))
            return found if isinstance(found, bool) else plain(found)


def _conditional(node: Conditional, scope: Scope, depth: int) -> Value:
    chosen = to_switch(evaluate(node.condition, scope, depth))
    return evaluate(node.if_true if chosen else node.if_false, scope, depth)


def _object(node: ObjectNode, scope: Scope, depth: int) -> Value:
    return {to_text(evaluate(key, scope, depth)): evaluate(value, scope, depth) for key, value in node.items}


def _for(node: For, scope: Scope, depth: int) -> Value:
    results: list[Value] = []
    found: dict[str, Value] = {}
    for key, item in pairs_of(evaluate(node.of, scope, depth)):
        inner = Inner(scope, {node.key: key, node.item: item} if node.key else {node.item: item})
        if node.condition is not None and not to_switch(evaluate(node.condition, inner, depth)):
            continue
        result = evaluate(node.result, inner, depth)
        if node.result_key is None:
            results.append(result)
            continue
        name = to_text(evaluate(node.result_key, inner, depth))
        if node.grouped:
            found.setdefault(name, []).append(result)
        elif name in found:
            raise HclError(
                "Duplicate object key",
                f"Two different items produced the key \"{name}\" in this 'for' expression.",
                node.at,
                node.end,
            )
        else:
            found[name] = result
    return results if node.result_key is None else found


def _template(node: Template, scope: Scope, depth: int) -> Value:
    return "".join(to_text(evaluate(part, scope, depth)) for part in node.parts)


def _repeat(node: Repeat, scope: Scope, depth: int) -> Value:
    text = ""
    for key, item in pairs_of(evaluate(node.of, scope, depth)):
        inner = Inner(scope, {node.key: key, node.item: item} if node.key else {node.item: item})
        text += to_text(evaluate(node.body, inner, depth))
    return text


_CASES: dict[type, Callable[[Any, Scope, int], Value]] = {
    Literal: lambda node, _scope, _depth: node.value,
    Item: lambda _node, scope, _depth: scope.variable(_ITEM),
    ListNode: lambda node, scope, depth: [evaluate(it, scope, depth) for it in node.items],
    Variable: _variable,
    Attribute: _attribute,
    Index: _index,
    Splat: _splat,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    ObjectNode: _object,
    For: _for,
    Template: _template,
    Repeat: _repeat,
}
