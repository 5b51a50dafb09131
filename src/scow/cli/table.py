"""Listings: one template for every row, and columns in line where the format begins with ``table``.

Works as docker/cli's formatter and its tabwriter do (cli/command/formatter).
"""

from __future__ import annotations

from scow.cli.columns import align
from scow.cli.templates.errors import TemplateError
from scow.cli.templates.template import compile_format
from scow.cli.templates.values import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_TABLE = "table"


def render_rows(
    template: str, rows: Iterable[Adapter | Mapping[str, object]], headers: Mapping[str, str]
) -> str:
    """What ``--format template`` prints for ``rows``, each ended by a newline.

    ``template`` is Go template text (``\\t`` and ``\\n`` may be spelt so), or ``json``, or ``table`` and
    a template: then a first row has for each name its entry of ``headers``.

    Raises ``TemplateError`` before any output.
    """
    table = template.startswith(_TABLE)
    text = "{{json .}}" if template == "json" else template[len(_TABLE) :] if table else template
    compiled = compile_format(text.strip(" ").replace("\\t", "\t").replace("\\n", "\n"))
    try:
        lines = [compiled.execute(row) + "\n" for row in rows]
    except TemplateError as exc:
        raise TemplateError(f"template parsing error: {exc.message}")
    if table:
        return align([compiled.execute_header(_Headers(headers)), "\n", *lines])
    return "".join(lines)


class _Headers(Adapter):
    """The names of columns in place of a row; a name that has none prints as ``<no value>``."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("formatter.SubHeaderContext", {})
        self._headers = headers

    def column(self, name: str) -> object:
        return self._headers.get(name)

    def method(self, name: str) -> Callable[..., object] | None:
        return _label_header if name == "Label" else None


def _label_header(name: str) -> str:
    """``com.example.some-label`` is headed "some label"."""
    return name.rpartition(".")[2].replace("-", " ").replace("_", " ")
