"""HCL as bake reads it: expressions, templates, functions, and what is wrong with the rest."""

from collections.abc import Callable

import pytest

from scow.cli.bake.hcl_evaluate import evaluate
from scow.cli.bake.hcl_functions import FUNCTIONS
from scow.cli.bake.hcl_nodes import HclError
from scow.cli.bake.hcl_parser import parse_hcl
from scow.cli.bake.hcl_values import Value

VALUES: dict[str, object] = {
    "a": "x",
    "n": 3,
    "list": ["p", "q"],
    "o": {"k": {"deep": [1, 2]}},
    "no": None,
}


class Variables:
    """A scope of a few variables and all functions."""

    def variable(self, name: str) -> Value:
        return VALUES[name]

    def function(self, name: str) -> Callable[..., Value] | None:
        return FUNCTIONS.get(name)

    def names(self) -> tuple[list[str], list[str]]:
        return list(VALUES), list(FUNCTIONS)


def value_of(expression: str) -> object:
    body = parse_hcl(f"value = {expression}\n")
    return evaluate(body.attributes["value"], Variables())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-n + 10 % 4", -1),
        ("7 / 2", 3.5),
        ("1.5 * 2", 3),
        ("1e3", 1000),
        ("!false && (n > 2 || false)", True),
        ('a == "x" ? "yes" : "no"', "yes"),
        ("n == 3 ?\n 1 :\n 2", 1),
        ("o.k.deep[1]", 2),
        ('o["k"].deep.0', 1),
        ("[{v = 1}, {v = 2}][*].v", [1, 2]),
        ("[{v = {w = 1}}].*.v.w", [1]),
        ("no", None),
        ('{ a = 1, "b-c" : 2, (a) = 3 }', {"a": 1, "b-c": 2, "x": 3}),
        ("{\n a = 1\n b = [\n 1,\n 2,\n ]\n}", {"a": 1, "b": [1, 2]}),
        ('[for i in list: upper(i) if i != "q"]', ["P"]),
        ("[for i, v in list: i]", [0, 1]),
        ("{for i, v in list: v => i}", {"p": 0, "q": 1}),
        ('{for v in ["a", "b", "a"]: v => 1...}', {"a": [1, 1], "b": [1]}),
        ('"${a}-${n + 1}"', "x-4"),
        ('"${list}"', ["p", "q"]),
        ('"$${a} %%{if} \\t\\u0041"', "${a} %{if} \tA"),
        ('"%{ if n > 2 }big%{ else }small%{ endif }!"', "big!"),
        ('"%{ for i in list ~} <${i}> %{ endfor }"', "<p> <q> "),
        ('"${"nested ${"deep"}"}"', "nested deep"),
        ("<<E\none ${a}\n two\nE\n", "one x\n two\n"),
        ("<<-E\n    one\n      two ${a}\n    E\n", "one\n  two x\n"),
        ("concat([1], list...)", None),
        ("min([3, 1, 2]...)", 1),
        ("1 # comment", 1),
        ("1 // comment", 1),
        ("/* before */ 1", 1),
    ],
)
def test_expressions(expression: str, value: object) -> None:
    if value is None and expression != "no":
        with pytest.raises(HclError):
            value_of(expression)
    else:
        assert value_of(expression) == value


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ('format("%s-%03d %q %5.2f%%", "a", 7, "b", 1.5)', 'a-007 "b"  1.50%'),
        ('formatlist("%s:%d", ["a", "b"], 1)', ["a:1", "b:1"]),
        ('join(",", ["a"], ["b", "c"])', "a,b,c"),
        ('split(",", "a,b")', ["a", "b"]),
        ('substr("hello", 1, 3)', "ell"),
        ('substr("hello", -3, -1)', "llo"),
        ('regex("v(\\\\d+)[.](\\\\d+)", "v1.20")', ["1", "20"]),
        ('regex("(?P<major>\\\\d+)", "v12")', {"major": "12"}),
        ('regex_replace("a-b", "(\\\\w)-(\\\\w)", "$2-$1")', "b-a"),
        ('regex_replace("ab", "(?<first>a)(b)", "$${first}1$$$2$9$none.")', "a1$b."),
        ('regexall("[0-9]+", "1 22")', ["1", "22"]),
        ("1.5e1", 15.0),
        ('trimprefix("v1", "v")', "1"),
        ('title("two words")', "Two Words"),
        ('lookup({a = 1}, "b", 2)', 2),
        ("merge({a = 1}, {a = 2, b = 3})", {"a": 2, "b": 3}),
        ("setproduct([1, 2], [3])", [[1, 3], [2, 3]]),
        ('sort(["b", "a"])', ["a", "b"]),
        ("distinct([1, 1, 2])", [1, 2]),
        ("range(1, 4)", [1, 2, 3]),
        ("range(3)", [0, 1, 2]),
        ("flatten([1, [2, [3]]])", [1, 2, 3]),
        ("chunklist([1, 2, 3], 2)", [[1, 2], [3]]),
        ('jsonencode({b = [1, "x"], a = true})', '{"a":true,"b":[1,"x"]}'),
        ('jsondecode("{\\"a\\": 1}").a', 1),
        ('csvdecode("a,b\\n1,2\\n")', [{"a": "1", "b": "2"}]),
        ('base64decode(base64encode("ü"))', "ü"),
        ('sha256("x")', "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ('formatdate("YYYY-MM-DD hh:mm", "2024-02-03T04:05:06Z")', "2024-02-03 04:05"),
        ('timeadd("2024-02-03T04:05:06Z", "1h30m")', "2024-02-03T05:35:06Z"),
        ('cidrsubnet("10.0.0.0/8", 8, 2)', "10.2.0.0/16"),
        ('cidrhost("10.0.0.0/8", 5)', "10.0.0.5"),
        ('semvercmp("1.2.3", ">= 1.2, < 2")', True),
        ('semvercmp("1.2.3-rc.1", ">= 1.2.3")', False),
        ('sanitize("a.b/c")', "a_b_c"),
        ('try(nothing.at.all, "fallback")', "fallback"),
        ("can(1 / 0)", False),
        ('zipmap(["a", "b"], [1, 2])', {"a": 1, "b": 2}),
        ('coalesce(null, "z")', "z"),
        ('parseint("ff", 16)', 255),
        ('indent(2, "a\\nb")', "a\n  b"),
        ('urlencode("a b&c")', "a+b%26c"),
    ],
)
def test_functions(call: str, value: object) -> None:
    assert value_of(call) == value


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        ("a = \n", "Invalid expression", "Expected the start of an expression"),
        ("a = 1 2\n", "Missing newline after argument", ""),
        ("a = 1\na = 2\n", "Attribute redefined", '"a" was already set'),
        ('target "x" {\n', "Unclosed configuration block", ""),
        ("}\n", "Argument or block definition required", ""),
        ('a = "x\n"\n', "Invalid multi-line string", ""),
        ('a = "\\q"\n', "Invalid escape sequence", '"q"'),
        ("a = <<E\nx\n", "Unterminated template string", "E"),
        ("a = [1 2]\n", "Missing item separator", ""),
        ("a = f(1 2)\n", "Missing argument separator", ""),
        ("a = " + "(" * 500 + "1" + ")" * 500 + "\n", "Invalid expression", "nested too deeply"),
        ("x {\n" * 100 + "}\n" * 100, "Invalid block definition", "nested too deeply"),
        ("a = 1e", "Invalid number literal", "no number"),
    ],
)
def test_what_cannot_be_read(text: str, summary: str, detail: str) -> None:
    with pytest.raises(HclError) as caught:
        parse_hcl(text)
    assert caught.value.summary == summary
    assert detail in caught.value.detail
    assert 0 <= caught.value.at <= len(text)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("lits", 'There is no variable named "lits". Did you mean "list"?'),
        ("uper(a)", 'There is no function named "uper". Did you mean "upper"?'),
        ("o.nothing", 'This object does not have an attribute named "nothing".'),
        ("no.x", "This value is null"),
        ("list[7]", "The given key does not identify an element"),
        ("1 / 0", "Cannot divide by zero."),
        ('"a" + 1', "a number is required"),
        ('"${o}-"', "string required"),
        ("upper(1, 2)", 'Call to function "upper" failed'),
        ("range(1000000)", "more than 1024 values"),
        ('regex("(", "x")', "invalid regular expression pattern"),
    ],
)
def test_what_has_no_value(expression: str, message: str) -> None:
    with pytest.raises(HclError) as caught:
        value_of(expression)
    assert message in caught.value.detail
