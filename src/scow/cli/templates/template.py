"""``--format``: Go's text/template, as much of it as Docker's command line uses, with Docker's error texts.

Pipelines, variables, ``if``, ``with``, ``range`` (maps in the order of their keys), ``break``, ``continue``,
comments, trimming, ``define``, ``block`` and ``template``, Go's fmt verbs and docker/cli's functions.
Pure: text and data in, text out. ``values`` says what data may be.
"""

from __future__ import annotations

from scow.cli.templates.errors import TemplateError, TemplateSyntaxError
from scow.cli.templates.execute import Execution
from scow.cli.templates.functions import FUNCTIONS, HEADER_FUNCTIONS, Function
from scow.cli.templates.parser import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from scow.cli.output import Output

_PREFIX = "template parsing error: "


class Template:
    """A parsed template; may be executed any number of times."""

    def __init__(self, text: str) -> None:
        """Raises ``TemplateSyntaxError`` (``template: :1: …``)."""
        self._text = text
        self._definitions = parse(text, FUNCTIONS)

    def execute(self, data: object, *, missing_key_fails: bool = False) -> str:
        """What the template prints for ``data``. Raises ``TemplateError`` (``template: :1:2: …``)."""
        run = self._execution(data, FUNCTIONS, missing_key_fails)
        run.run(self._definitions)
        return "".join(run.output)

    def write(self, out: Output, data: object) -> None:
        """The same onto ``out``, with a newline: as far as it gets. Raises ``TemplateError`` after that."""
        run = self._execution(data, FUNCTIONS, False)
        try:
            run.run(self._definitions)
        finally:
            out.line("".join(run.output))

    def execute_header(self, data: object) -> str:
        """What it prints for the names of columns: as far as it gets, which is all that Docker prints too."""
        run = self._execution(data, HEADER_FUNCTIONS, False)
        try:
            run.run(self._definitions)
        except TemplateError:
            pass
        return "".join(run.output)

    def _execution(
        self, data: object, functions: Mapping[str, Function], missing_key_fails: bool
    ) -> Execution:
        return Execution(self._text, functions, data, missing_key_fails=missing_key_fails)


def compile_format(text: str) -> Template:
    """A ``Template`` whose complaint begins as Docker's does. Raises ``TemplateSyntaxError``."""
    try:
        return Template(text)
    except TemplateSyntaxError as exc:
        raise TemplateSyntaxError(_PREFIX + exc.message)


def render(text: str, data: object, *, missing_key_fails: bool = False) -> str:
    """Template ``text`` on ``data``. Raises ``TemplateError`` with Docker's prefix."""
    template = compile_format(text)
    try:
        return template.execute(data, missing_key_fails=missing_key_fails)
    except TemplateError as exc:
        raise TemplateError(_PREFIX + exc.message)


def render_inspect(template: Template, typed: object, raw: object) -> str:
    """``inspect --format``: first on what Docker has a type for, and if that fails on the plain JSON.

    The second try is strict: a missing key is an error, and its text is the one that users see.
    """
    try:
        return template.execute(typed)
    except TemplateError:
        pass
    try:
        return template.execute(raw, missing_key_fails=True)
    except TemplateError as exc:
        raise TemplateError(_PREFIX + exc.message)
