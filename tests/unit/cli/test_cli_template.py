"""Templates: what the recordings in tests/golden do not show."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.cli.inspect_types import inspect_value
from scow.cli.templates.errors import TemplateError, TemplateSyntaxError
from scow.cli.templates.json_text import to_json
from scow.cli.templates.printing import sprintf
from scow.cli.templates.template import Template, compile_format, render, render_inspect
from scow.cli.templates.values import Adapter, NilPointer


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


_IMAGE = {"Os": "linux", "RepoTags": ["alpine:latest", "busybox:latest"]}


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ('{{define "a"}}A{{.Os}}{{end}}x{{template "a" .}}y', "xAlinuxy"),
        ('x{{template "a"}}y{{define "a"}}A{{.}}{{end}}', "xA<no value>y"),
        ('{{define "a"}}{{$}}{{end}}{{with .Os}}{{template "a" .}}{{end}}', "linux"),
        ('{{define "a"}}{{end}}{{define "a"}}y{{end}}{{template "a"}}', "y"),
        ('{{define "a"}}x{{end}}{{define "a"}}  {{end}}{{template "a"}}', "x"),
        ('{{block "b" .Os}}B{{.}}{{end}}|{{template "b" 3}}', "Blinux|B3"),
        ('{{template "a" . | len}}{{define "a"}}{{.}}{{end}}', "2"),
        ("{{define `r`}}R{{end}}{{template `r`}}", "R"),
        (
            '{{range .RepoTags}}{{template "t" .}}{{end}}{{define "t"}}<{{.}}>{{end}}',
            "<alpine:latest><busybox:latest>",
        ),
        ('{{if true}}{{block "q" .}}Q{{.Os}}{{end}}{{end}}', "Qlinux"),
        ('{{- define "a" -}}  trimmed  {{- end -}}  {{template "a"}}', "trimmed"),
    ],
)
def test_templates_may_define_others(template: str, shown: str) -> None:
    """As docker 28 showed them."""
    assert render(template, _IMAGE) == shown


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ('x{{template "n" .}}', ':1:12: executing "" at <{{template "n" .}}>: template "n" not defined'),
        (
            '{{define "a"}}{{index . 1}}{{end}}{{template "a"}}',
            ':1:16: executing "a" at <index . 1>: error calling index: index of untyped nil',
        ),
        (
            '{{define "a"}}x{{end}}{{define "a"}}y{{end}}',
            ':1: template: multiple definition of template "a"',
        ),
        ('{{define ""}}E{{end}}x', ':1: template: multiple definition of template ""'),
        ('{{block "b"}}B{{end}}', ":1: missing value for block clause"),
        ("{{define}}x{{end}}", ':1: unexpected "}}" in define clause'),
        ('{{define "a" 3}}x{{end}}', ':1: unexpected "3" in define clause'),
        ('{{define "a"}}x', ":1: unexpected EOF"),
        ('{{define "a"}}x{{else}}y{{end}}', ":1: unexpected {{else}} in define clause"),
        ('{{if .Os}}{{define "a"}}x{{end}}{{end}}', ":1: unexpected <define> in command"),
        ("{{template .Os}}", ':1: unexpected ".Os" in template clause'),
        ('{{$x := 1}}{{define "a"}}{{$x}}{{end}}', ':1: undefined variable "$x"'),
        ('{{range .X}}{{block "a" .}}{{break}}{{end}}{{end}}', ":1: {{break}} outside {{range}}"),
        (
            '{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}',
            ':1:25: executing "a" at <{{template "a" .}}>: exceeded maximum template depth (50)',
        ),
        (
            "{{call .Os}}",
            ':1:2: executing "" at <call .Os>: error calling call: non-function .Os of type string',
        ),
        ("{{call nil}}", ':1:2: executing "" at <call nil>: error calling call: call of nil'),
    ],
)
def test_definitions_fail_in_gos_words(template: str, complaint: str) -> None:
    """As docker 28 says it, but for the depth: its own is 100,000."""
    with pytest.raises(TemplateError) as caught:
        render(template, _IMAGE)
    assert caught.value.message == f"template parsing error: template: {complaint}"


def test_templates_that_nest_and_include_without_end_are_an_error() -> None:
    deep = "{{if 1}}" * 90 + '{{template "a"}}' + "{{end}}" * 90
    with pytest.raises(TemplateError, match="exceeded maximum template depth"):
        render(f'{{{{define "a"}}}}{deep}{{{{end}}}}{{{{template "a"}}}}', {})
