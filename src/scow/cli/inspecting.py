"""``inspect`` of any object: JSON as the engine sent it, or a template for each."""

from scow.api.client.json_text import dumps, escaped_for_web, indented
from scow.cli.exits import CommandError
from scow.cli.templates.errors import TemplateError
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scow.cli.invocation import Invocation

    Fetch = Callable[[str], tuple[str, dict[str, Any]]]

_BAD_TEMPLATE_STATUS = 64


def inspect_each(
    invocation: "Invocation",
    refs: list[str],
    template: str,
    fetch: "Fetch",
    *,
    typed_only: bool = False,
    for_web: bool = False,
) -> None:
    """Print what ``fetch`` finds for each of ``refs``: (kind, JSON).

    Everything that was found is printed before the errors of the rest end the command with status 1. A
    template that fails on Docker's types is tried on the plain JSON, unless ``typed_only``. ``for_web``: JSON
    has ``<``, ``>`` and ``&`` in digits, as where Docker's command line writes it itself.
    """
    show: _JsonDisplay | _TemplateDisplay
    if template in ("", "json"):
        show = _JsonDisplay(compact=template == "json", for_web=for_web)
    else:
        show = _TemplateDisplay(template, typed_only=typed_only)
    errors = []
    for ref in refs:
        try:
            show.add(*fetch(ref))
        except ScowError as exc:
            errors.append(exc.message)
    invocation.out.write(show.text())
    if errors:
        raise CommandError("\n".join(errors))


class _JsonDisplay:
    def __init__(self, *, compact: bool, for_web: bool) -> None:
        self._compact = compact
        self._for_web = for_web
        self._found: list[dict[str, Any]] = []

    def add(self, kind: str, raw: "dict[str, Any]") -> None:
        self._found.append(raw)

    def text(self) -> str:
        text = dumps(self._found, compact=True) if self._compact else indented(self._found)
        return (escaped_for_web(text) if self._for_web else text) + "\n"


class _TemplateDisplay:
    def __init__(self, template: str, *, typed_only: bool) -> None:
        from scow.cli.templates.template import compile_format

        try:
            self._template = compile_format(template)
        except TemplateError as exc:
            raise CommandError(exc.message, _BAD_TEMPLATE_STATUS) from exc
        self._typed_only = typed_only
        self._lines: list[str] = []

    def add(self, kind: str, raw: "dict[str, Any]") -> None:
        from scow.cli.inspect_types import inspect_value
        from scow.cli.templates.template import render_inspect

        typed = inspect_value(kind, raw)
        if not self._typed_only:
            self._lines.append(render_inspect(self._template, typed, raw))
            return
        try:
            self._lines.append(self._template.execute(typed))
        except TemplateError as exc:
            raise TemplateError(f"template parsing error: {exc.message}") from exc

    def text(self) -> str:
        return "".join(line + "\n" for line in self._lines) or "\n"
