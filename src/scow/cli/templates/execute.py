"""Running a parsed template on data: its statements (text/template/exec.go)."""

from __future__ import annotations

from scow.cli.go_values import quote
from scow.cli.templates.evaluate import Evaluation
from scow.cli.templates.functions import Function
from scow.cli.templates.nodes import Action, Branch, Inclusion, Mark, Node, Pipe, Sequence, Text
from scow.cli.templates.printing import format_value
from scow.cli.templates.values import is_true, utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A template of a few bytes can ask for any amount of text; nobody prints this much on purpose.
_MAX_OUTPUT_CHARS = 256 * 1024 * 1024
# Templates that include each other; Go ends at 100,000, Python's stack before that.
_MAX_TEMPLATE_DEPTH = 50


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Execution:
    """One run. ``output`` has what was printed, also after a failure."""

    def __init__(
        self, text: str, functions: Mapping[str, Function], data: object, *, missing_key_fails: bool
    ) -> None:
        self._values = Evaluation(text, functions, data, missing_key_fails=missing_key_fails)
        self._definitions: Mapping[str, Sequence] = {}
        self._depth = 0
        self._printed = 0
        self.output: list[str] = []

    def run(self, definitions: Mapping[str, Sequence]) -> None:
        """Print the definition without a name. Raises ``TemplateError``."""
        self._definitions = definitions
        try:
            self._walk(self._values.variables[0][1], definitions[""])
        except RecursionError:
            raise self._values.error("exceeded maximum template depth") from None

    def _walk(self, dot: object, node: Node) -> None:
        self._values.node = node
        match node:
            case Text():
                self._print(node.text)
            case Action():
                value = self._values.pipeline(dot, node.pipe)
                if not node.pipe.declared:
                    self._values.node = node
                    self._print("<no value>" if value is None else format_value(value))
            case Sequence():
                for each in node.nodes:
                    self._walk(dot, each)
            case Branch(word="range"):
                self._range(dot, node)
            case Branch():
                self._if_or_with(dot, node)
            case Inclusion():
                self._include(dot, node)
            case Mark():
                raise _Break if node.word == "break" else _Continue

    def _print(self, text: str) -> None:
        self._printed += len(text)
        if self._printed > _MAX_OUTPUT_CHARS:
            raise self._values.error("output too large")
        self.output.append(text)

    def _include(self, dot: object, node: Inclusion) -> None:
        definition = self._definitions.get(node.name)
        if definition is None:
            raise self._values.error(f"template {quote(node.name)} not defined")
        if self._depth == _MAX_TEMPLATE_DEPTH:
            raise self._values.error(f"exceeded maximum template depth ({_MAX_TEMPLATE_DEPTH})")
        value = None if node.pipe is None else self._values.pipeline(dot, node.pipe)
        outside = self._values.name, self._values.variables
        self._values.name, self._values.variables = node.name, [("$", value)]
        self._depth += 1
        self._walk(value, definition)
        self._depth -= 1
        self._values.name, self._values.variables = outside

    def _if_or_with(self, dot: object, node: Branch) -> None:
        kept = len(self._values.variables)
        value = self._values.pipeline(dot, node.pipe)
        if is_true(value):
            self._walk(value if node.word == "with" else dot, node.body)
        elif node.otherwise is not None:
            self._walk(dot, node.otherwise)
        del self._values.variables[kept:]

    def _range(self, dot: object, node: Branch) -> None:
        kept = len(self._values.variables)
        value = self._values.pipeline(dot, node.pipe)
        inside = len(self._values.variables)
        empty = True
        try:
            for index, element in self._elements(value, node.pipe):
                empty = False
                self._loop_variables(node.pipe, index, element)
                try:
                    self._walk(element, node.body)
                except _Continue:
                    pass
                del self._values.variables[inside:]
        except _Break:
            pass
        if empty and node.otherwise is not None:
            self._walk(dot, node.otherwise)
        del self._values.variables[kept:]

    def _elements(self, value: object, pipe: Pipe) -> Iterable[tuple[object, object]]:
        match value:
            case None:
                return ()
            case list() | tuple():
                return enumerate(value)
            case dict():
                return ((key, value[key]) for key in sorted(value, key=utf8))
            case int() if not isinstance(value, bool):
                if len(pipe.declared) > 1:
                    raise self._values.error(f"can't use {value} to iterate over more than one variable")
                return ((number, number) for number in range(value))
        raise self._values.error(f"range can't iterate over {format_value(value)}")

    def _loop_variables(self, pipe: Pipe, index: object, element: object) -> None:
        if pipe.assigns:
            for variable, value in zip(
                pipe.declared, (index, element) if len(pipe.declared) > 1 else (element,), strict=True
            ):
                self._values.assign(variable.names[0], value)
            return
        if pipe.declared:
            self._values.variables[-1] = (self._values.variables[-1][0], element)
        if len(pipe.declared) > 1:
            self._values.variables[-2] = (self._values.variables[-2][0], index)
