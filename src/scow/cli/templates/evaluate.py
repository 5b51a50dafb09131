"""Values of a template's pipelines (text/template/exec.go), and where it failed, as Go says it."""

from __future__ import annotations

from scow.cli.go_values import quote
from scow.cli.templates.errors import CallError, TemplateError
from scow.cli.templates.functions import ANY, LIST, Function
from scow.cli.templates.nodes import (
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Literal,
    Nil,
    Node,
    Pipe,
    Variable,
)
from scow.cli.templates.printing import format_value
from scow.cli.templates.values import (
    Adapter,
    NilPointer,
    Struct,
    TypedMap,
    is_true,
    kind_of,
    type_name,
    utf8,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class _Missing:
    """Stands for "no value came down the pipeline", which is not the same as a value that is nothing."""


_MISSING = _Missing()


class Evaluation:
    """One run's variables, and the node that it is at."""

    def __init__(
        self, text: str, functions: Mapping[str, Function], data: object, *, missing_key_fails: bool
    ) -> None:
        self._text = text
        self._functions = functions
        self._missing_key_fails = missing_key_fails
        self.name = ""
        """Of the definition that is run."""
        self.node: Node | None = None
        self.variables: list[tuple[str, object]] = [("$", data)]

    def error(self, message: str) -> TemplateError:
        """One that says where the run is."""
        if self.node is None:
            return TemplateError(f"template: : {message}")
        before = self._text[: self.node.position]
        line = 1 + before.count("\n")
        column = len(utf8(before[before.rfind("\n") + 1 :]))
        return TemplateError(
            f"template: :{line}:{column}: executing {quote(self.name)} at <{self.node}>: {message}"
        )

    def pipeline(self, dot: object, pipe: Pipe) -> object:
        """Its value; variables that it declares are there from now on. Raises ``TemplateError``."""
        self.node = pipe
        value: object = _MISSING
        for command in pipe.commands:
            value = self._command(dot, command, value)
        for variable in pipe.declared:
            if pipe.assigns:
                self.assign(variable.names[0], value)
            else:
                self.variables.append((variable.names[0], value))
        return value

    def assign(self, name: str, value: object) -> None:
        """Give a variable that is there another value."""
        for place in range(len(self.variables) - 1, -1, -1):
            if self.variables[place][0] == name:
                self.variables[place] = (name, value)
                return
        raise self.error(f"undefined variable: {name}")

    def _variable(self, name: str) -> object:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise self.error(f"undefined variable: {name}")

    def _command(self, dot: object, command: Command, final: object) -> object:
        first, arguments = command.words[0], command.words[1:]
        match first:
            case Field() | Chain() | Variable():
                return self._fields(dot, first, arguments, final)
            case Identifier():
                self.node = first
                return self._call(dot, first.name, self._functions[first.name], command, arguments, final)
            case Pipe():
                self._not_a_function(command, final)
                return self.pipeline(dot, first)
        self.node = first
        self._not_a_function(command, final)
        if isinstance(first, Nil):
            raise self.error("nil is not a command")
        return self._constant(first) if isinstance(first, Literal) else dot

    def _not_a_function(self, command: Command, final: object) -> None:
        if len(command.words) > 1 or final is not _MISSING:
            raise self.error(f"can't give argument to non-function {command.words[0]}")

    def _constant(self, node: Literal) -> object:
        self.node = node
        if kind_of(node.value) == "int" and int(node.value) >= 1 << 63:
            raise self.error(f"{node.source} overflows int")
        return node.value

    def _fields(
        self, dot: object, node: Field | Chain | Variable, arguments: list[Node], final: object
    ) -> object:
        self.node = node
        names = node.names
        match node:
            case Field():
                value = dot
            case Variable():
                value = self._variable(names[0])
                names = names[1:]
                if not names:
                    if arguments or final is not _MISSING:
                        raise self.error(f"can't give argument to non-function {node}")
                    return value
            case Chain():
                if isinstance(node.node, Nil):
                    raise self.error(f"indirection through explicit nil in {node}")
                value = self._argument(dot, ANY, node.node)
        for place, name in enumerate(names):
            last = place == len(names) - 1
            inside = value
            value = self._field(
                dot, name, node, arguments if last else [], final if last else _MISSING, inside
            )
            if not last and _is_boxed(inside, name) and not isinstance(value, (dict, Struct, Adapter)):
                # Go sees an "any" here, and only looks inside for things that have fields.
                following = names[place + 1]
                if value is None or isinstance(value, NilPointer):
                    raise self.error(f"nil pointer evaluating interface {{}}.{following}")
                raise self.error(f"can't evaluate field {following} in type interface {{}}")
        return value

    def _field(
        self, dot: object, name: str, node: Node, arguments: list[Node], final: object, receiver: object
    ) -> object:
        given = bool(arguments) or final is not _MISSING
        match receiver:
            case None:
                if self._missing_key_fails:
                    raise self.error(f'nil data; no entry for key "{name}"')
                return None
            case dict():
                if given:
                    raise self.error(f"{name} is not a method but has arguments")
                return self._entry(receiver, name)
            case Struct() if name in receiver.names:
                if given:
                    raise self.error(f"{name} has arguments but cannot be invoked as function")
                return receiver.get(name)
            case NilPointer():
                raise self.error(f"nil pointer evaluating {receiver.go_type}.{name}")
            case Adapter():
                return self._column(dot, name, node, arguments, final, receiver)
        raise self.error(f"can't evaluate field {name} in type {type_name(receiver)}")

    def _entry(self, receiver: dict[str, object], name: str) -> object:
        if name not in receiver and self._missing_key_fails and not isinstance(receiver, TypedMap):
            raise self.error(f'map has no entry for key "{name}"')
        return receiver.get(name)

    def _column(
        self, dot: object, name: str, node: Node, arguments: list[Node], final: object, row: Adapter
    ) -> object:
        method = row.method(name)
        if method is not None:
            taken = method.__code__.co_argcount - hasattr(method, "__self__")
            function = Function(method, ("string",) * taken)
            return self._call(dot, name, function, node, arguments, final)
        try:
            value = row.column(name)
        except KeyError:
            raise self.error(f"can't evaluate field {name} in type {row.go_type}")
        if arguments or final is not _MISSING:
            count = len(arguments) + (final is not _MISSING)
            raise self.error(f"wrong number of args for {name}: want 0 got {count}")
        return value

    # Calls.

    def _call(
        self,
        dot: object,
        name: str,
        function: Function,
        node: Node,
        arguments: list[Node],
        final: object,
    ) -> object:
        self._check_count(name, function, len(arguments), len(arguments) + (final is not _MISSING))
        if name in ("and", "or"):
            return self._and_or(dot, arguments, final, stop=name == "or")
        if name == "call":
            return self._call_value(dot, node, arguments, final)
        values = [
            self._argument(dot, _parameter(function, place), argument)
            for place, argument in enumerate(arguments)
        ]
        if final is not _MISSING:
            values.append(self._checked(final, _parameter(function, len(values))))
        try:
            return function.call(*values)
        except CallError as exc:
            self.node = node
            raise self.error(f"error calling {name}: {exc}")

    def _check_count(self, name: str, function: Function, written: int, given: int) -> None:
        wanted = len(function.parameters)
        if function.variadic:
            if given < wanted - 1:
                raise self.error(f"wrong number of args for {name}: want at least {wanted - 1} got {written}")
        elif given != wanted:
            raise self.error(f"wrong number of args for {name}: want {wanted} got {given}")

    def _and_or(self, dot: object, arguments: list[Node], final: object, *, stop: bool) -> object:
        value: object = None
        for argument in arguments:
            value = self._argument(dot, ANY, argument)
            if is_true(value) is stop:
                return value
        return value if final is _MISSING else final

    def _call_value(self, dot: object, node: Node, arguments: list[Node], final: object) -> object:
        """Data has no functions in it, so there is nothing that ``call`` could call."""
        value = self._argument(dot, ANY, arguments[0]) if arguments else final
        called = arguments[0] if arguments else format_value(value)
        self.node = node
        if value is None:
            raise self.error("error calling call: call of nil")
        raise self.error(f"error calling call: non-function {called} of type {type_name(value)}")

    def _argument(self, dot: object, wanted: str, node: Node) -> object:
        self.node = node
        match node:
            case Dot():
                return self._checked(dot, wanted)
            case Nil():
                if wanted in (ANY, LIST):
                    return None
                raise self.error(f"cannot assign nil to {wanted}")
            case Field() | Variable() | Chain():
                return self._checked(self._fields(dot, node, [], _MISSING), wanted)
            case Pipe():
                return self._checked(self.pipeline(dot, node), wanted)
            case Identifier():
                value = self._call(dot, node.name, self._functions[node.name], node, [], _MISSING)
                return self._checked(value, wanted)
            case Literal():
                return self._literal(node, wanted)
        raise self.error(f"can't handle {node} for arg of type {wanted}")

    def _literal(self, node: Literal, wanted: str) -> object:
        kind = kind_of(node.value)
        if wanted == LIST:
            raise self.error(f"can't handle {node} for arg of type {wanted}")
        if wanted not in (ANY, kind):
            expected = "integer" if wanted == "int" else wanted
            raise self.error(f"expected {expected}; found {node}")
        return self._constant(node)

    def _checked(self, value: object, wanted: str) -> object:
        if wanted == ANY:
            return value
        if value is None:
            if wanted == LIST:
                return None
            raise self.error(f"invalid value; expected {wanted}")
        fits = isinstance(value, (list, tuple)) if wanted == LIST else kind_of(value) == wanted
        if not fits:
            raise self.error(f"wrong type for value; expected {wanted}; got {type_name(value)}")
        return value


def _is_boxed(container: object, name: str) -> bool:
    return isinstance(container, dict) and not isinstance(container, TypedMap) and name in container


def _parameter(function: Function, place: int) -> str:
    return function.parameters[min(place, len(function.parameters) - 1)]
