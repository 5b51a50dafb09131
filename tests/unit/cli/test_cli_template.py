"""Templates: what the recordings in tests/golden do not show."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.cli.inspect_types import inspect_value
from scow.cli.template import Template, compile_format, render, render_inspect
from scow.cli.template_errors import TemplateError, TemplateSyntaxError
from scow.cli.template_print import sprintf, to_json
from scow.cli.template_values import Adapter, NilPointer


@given(st.text(alphabet="{}-.$|()\"'`\\ab01 :=,\n/*%é", max_size=40))
def test_any_text_is_a_template_or_a_syntax_error(text: str) -> None:
    complaint = "template: :"
    try:
        Template(text).execute({"a": 1})
    except TemplateError as exc:
        complaint = str(exc)
    assert complaint.startswith("template: :")


@given(st.text(alphabet="%+-# 0123456789.*[]svdqxXTtcUeEfgG!z", max_size=12), st.integers(), st.text())
def test_printf_never_fails(text: str, number: int, word: str) -> None:
    assert isinstance(sprintf(text, [number, word, None, 1.5, True, [number], {"a": word}]), str)


def test_a_column_is_computed_only_when_asked_for() -> None:
    asked: list[str] = []

    def size() -> str:
        asked.append("size")
        return "1kB"

    row = Adapter("*formatter.X", {"Name": "a", "Size": size})
    assert Template("{{.Name}}").execute(row) == "a"
    assert asked == []
    assert Template("{{.Size}}{{.Size}}").execute(row) == "1kB1kB"
    assert asked == ["size"]


def test_without_missing_key_fails_a_missing_key_has_no_value() -> None:
    assert render("{{.a}} {{.a.b.c}}", {}) == "<no value> <no value>"


def test_a_nil_pointer_is_false_and_prints_nil() -> None:
    data = {"p": NilPointer("*X")}
    assert render("{{if .p}}yes{{else}}no{{end}} {{.p}} {{json .p}}", data) == "no <nil> null"
    with pytest.raises(TemplateError, match="nil pointer evaluating interface"):
        render("{{.p.Y}}", data)


@pytest.mark.parametrize(
    ("kind", "raw", "template", "shown"),
    [
        ("image", {"Id": "sha256:1"}, "{{.ID}} {{.RepoTags}} {{.RootFS.Layers}}", "sha256:1 [] []"),
        ("image", {"RootFS": {"Layers": ["a", "b"]}}, "{{len .RootFS.Layers}}", "2"),
        ("image", {"RepoDigests": ["x@y"]}, "{{index .RepoDigests 0}}", "x@y"),
        ("network", {"Created": "2024-05-01T10:00:00.5Z"}, "{{.Created}}", "2024-05-01 10:00:00.5 +0000 UTC"),
        (
            "network",
            {"IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}},
            "{{.IPAM.Config}}",
            "[{10.0.0.0/8   map[]}]",
        ),
        ("network", {}, "{{range .Containers}}x{{else}}none{{end}}", "none"),
        ("volume", {"Name": "v", "Options": None}, "{{.Name}} {{.Options}} {{.Mountpoint}}|", "v map[] |"),
    ],
)
def test_inspect_knows_the_types_of_each_kind(
    kind: str, raw: dict[str, object], template: str, shown: str
) -> None:
    assert render_inspect(compile_format(template), inspect_value(kind, raw), raw) == shown


def test_bytes_that_are_not_utf8_pass_through() -> None:
    assert render('{{.}}{{"\\xff"}}', "a\udcfe") == "a\udcfe\udcff"
    assert to_json("a\udcfe") == '"a\ufffd"'


@pytest.mark.parametrize("text", ["{{" + "(" * 5000 + "1" + ")" * 5000 + "}}", "{{if 1}}" * 5000])
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="nested too deeply"):
        Template(text)


def test_output_is_bounded() -> None:
    with pytest.raises(TemplateError, match="output too large"):
        render('{{range 100000}}{{printf "%1000000d" 1}}{{end}}', None)


def test_importing_templates_and_tables_loads_nothing_heavy() -> None:
    code = "import scow.cli.table, scow.cli.units, sys; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"json", "typing", "dataclasses", "asyncio", "msgspec", "unicodedata"} & set(
        shown.stdout.split()
    )
