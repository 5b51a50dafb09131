"""Definitions become targets: inheritance, matrices, groups, overrides, Compose files."""

from typing import Any

import pytest

from scow.cli.bake.hcl_nodes import Source
from scow.cli.bake.plan import Plan, make_plan
from scow.cli.bake.reading import written_in
from scow.cli.exits import CommandError
from scow.errors import InvalidArgumentError

KNOWN = {"BAKE_CMD_CONTEXT": "cwd://", "BAKE_LOCAL_PLATFORM": "linux/amd64"}


def plan_of(
    *files: str,
    targets: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    name: str = "docker-bake.hcl",
    **environ: str,
) -> Plan:
    sources = [Source(name, text) for text in files]
    return make_plan(written_in(sources, environ, KNOWN), targets, settings)


def targets_of(*files: str, **options: Any) -> dict[str, Any]:
    return documented(plan_of(*files, **options))


def documented(plan: Plan) -> dict[str, Any]:
    targets = plan.document()["target"]
    assert isinstance(targets, dict)
    return targets


def test_variables_are_overridden_by_the_environment_in_their_kind() -> None:
    text = (
        'variable "T" { default = "a" }\nvariable "N" { default = 1 }\nvariable "B" { default = false }\n'
        'variable "L" { default = ["x"] }\nvariable "U" {}\ng = "${T}!"\n'
        'target "default" { args = { T = g, N = N + 1, B = B ? "on" : "off", L = join("-", L), U = U } }\n'
    )
    assert targets_of(text)["default"]["args"] == {"B": "off", "L": "x", "N": "2", "T": "a!", "U": ""}
    given = targets_of(text, T="z", N="41", B="true", L="p,q", U="u")["default"]["args"]
    assert given == {"B": "on", "L": "p-q", "N": "42", "T": "z!", "U": "u"}
    with pytest.raises(CommandError, match="failed to parse N as number"):
        plan_of(text, N="many")


def test_a_variable_may_say_what_it_must_be() -> None:
    text = (
        'variable "T" {\n default = "a"\n validation {\n  condition = T != "bad"\n'
        '  error_message = "not ${T}"\n }\n}\n'
        'target "default" { tags = [T] }\n'
    )
    assert targets_of(text)["default"]["tags"] == ["a"]
    with pytest.raises(CommandError, match="Validation failed; not bad"):
        plan_of(text, T="bad")


def test_targets_inherit_in_order_and_null_takes_away() -> None:
    text = """
    target "one" {
      args = { A = "1", B = "1" }
      tags = ["one"]
      cache-from = ["c:1"]
      labels = { l = "1" }
      platforms = ["linux/arm64"]
    }
    target "two" {
      inherits = ["one"]
      args = { B = "2", A = null }
      tags = ["two"]
      cache-from = ["c:2", "c:1"]
      pull = true
    }
    target "default" {
      inherits = ["two"]
      no-cache = true
      context = "./sub/../x"
    }
    """
    assert targets_of(text) == {
        "default": {
            "context": "x",
            "dockerfile": "Dockerfile",
            "args": {"A": "1", "B": "2"},
            "labels": {"l": "1"},
            "tags": ["two"],
            "cache-from": ["c:1", "c:2"],
            "platforms": ["linux/arm64"],
            "pull": True,
            "no-cache": True,
        }
    }


def test_a_matrix_is_a_target_for_each_combination() -> None:
    text = (
        'target "m" {\n matrix = { v = ["1", "2"], os = ["a", "b"] }\n name = "m-${v}-${os}"\n'
        ' args = { V = v }\n inherits = ["base"]\n}\ntarget "base" { tags = ["t"] }\n'
    )
    plan = plan_of(text, targets=("m",))
    assert sorted(plan.groups["m"]) == ["m-1-a", "m-1-b", "m-2-a", "m-2-b"]
    assert plan.targets["m-2-a"]["args"] == {"V": "2"}
    assert plan.targets["m-1-b"]["tags"] == ["t"]


def test_groups_in_groups_and_patterns() -> None:
    text = (
        'group "default" { targets = ["a", "g"] }\ngroup "g" { targets = ["b", "a"] }\n'
        'target "a" {}\ntarget "b" {}\ntarget "c" {}\n'
    )
    assert list(plan_of(text).targets) == ["a", "b"]
    assert sorted(plan_of(text, targets=("[ac]",)).targets) == ["a", "c"]
    with pytest.raises(InvalidArgumentError, match="failed to find target nope"):
        plan_of(text, targets=("nope",))


def test_functions_of_ones_own_and_other_targets() -> None:
    text = (
        'function "tag" {\n params = [name]\n variadic_params = more\n'
        ' result = "${name}:${join(".", more)}"\n}\n'
        'target "a" { tags = [tag("x", 1, 2)] }\ntarget "default" { tags = concat(target.a.tags, ["y"]) }\n'
    )
    assert targets_of(text)["default"]["tags"] == ["x:1.2", "y"]
    with pytest.raises(CommandError, match="it calls itself without end"):
        plan_of('function "f" {\n params = [a]\n result = f(a)\n}\ntarget "default" { tags = [f("x")] }\n')
    with pytest.raises(CommandError, match="variable cycle not allowed for A"):
        plan_of(
            'variable "A" { default = B }\nvariable "B" { default = A }\ntarget "default" { tags = [A] }\n'
        )


def test_later_files_come_on_top() -> None:
    first = 'variable "V" { default = "1" }\ntarget "default" {\n tags = ["a:${V}"]\n args = { X = "1" }\n}\n'
    second = 'variable "V" { default = "2" }\ntarget "default" { args = { Y = "2" } }\n'
    assert targets_of(first, second)["default"]["tags"] == ["a:2"]
    assert targets_of(first, second)["default"]["args"] == {"X": "1", "Y": "2"}


def test_the_command_line_comes_last() -> None:
    text = 'target "a" {\n args = { A = "1" }\n tags = ["t"]\n}\ntarget "b" {}\n'
    settings = ("*.args.B=2", "a.tags+=u", "b.platform=linux/arm64", "b.platform=linux/amd64", "a.no-cache=1")
    found = targets_of(text, targets=("a", "b"), settings=settings)
    assert found["a"]["args"] == {"A": "1", "B": "2"}
    assert found["a"]["tags"] == ["t", "u"]
    assert found["a"]["no-cache"] is True
    assert found["b"]["platforms"] == ["linux/arm64", "linux/amd64"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("a.foo=1", "unknown key: foo"),
        ("a.args=1", "invalid key a.args, args requires name"),
        ("z.tags=1", "could not find any target matching 'z'"),
        ("a=1", "invalid override key a, expected target.name"),
        ("a.tags", "invalid override a.tags, expected target.name=value"),
        ("a.pull=perhaps", "invalid value perhaps for boolean key pull"),
    ],
)
def test_overrides_that_cannot_be(setting: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        plan_of('target "a" {}\n', targets=("a",), settings=(setting,))
    assert caught.value.message == message


def test_what_a_target_is_made_from_is_built_too() -> None:
    text = (
        'target "base" { output = ["type=docker"] }\n'
        'target "app" { contexts = { base = "target:base", other = "docker-image://x" } }\n'
    )
    plan = plan_of(text, targets=("app",))
    assert plan.linked == {"base"}
    assert plan.needs("app") == ["base"]
    for circle, message in (
        ('target "app" { contexts = { x = "target:app" } }\n', "target app cannot link to itself"),
        (
            'target "app" { contexts = { x = "target:b" } }\n'
            'target "b" { contexts = { x = "target:app" } }\n',
            "infinite loop from b to app",
        ),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            plan_of(circle, targets=("app",))


def test_targets_that_many_are_made_from_are_looked_at_once() -> None:
    depth = 40
    text = ""
    for level in range(depth):
        contexts = f'contexts = {{ x = "target:a{level + 1}", y = "target:b{level + 1}" }}'
        text += "".join(f'target "{side}{level}" {{ {contexts} }}\n' for side in "ab")
    ends = f'target "a{depth}" {{}}\ntarget "b{depth}" {{}}\n'
    plan = plan_of(text + ends, targets=("a0",))
    assert len(plan.targets) == 2 * depth + 1
    with pytest.raises(InvalidArgumentError, match="infinite loop from a40 to a0"):
        plan_of(text + f'target "a{depth}" {{ contexts = {{ x = "target:a0" }} }}\n', targets=("a0",))


def test_mistakes_show_their_lines() -> None:
    with pytest.raises(CommandError) as caught:
        plan_of('target "x" {\n  args = {\n    A = nope\n  }\n}\n', targets=("x",))
    assert caught.value.message == (
        'docker-bake.hcl:3\n--------------------\n   1 |     target "x" {\n   2 |       args = {\n'
        "   3 | >>>     A = nope\n   4 |       }\n   5 |     }\n--------------------\n"
        'ERROR: docker-bake.hcl:3,9-13: Unknown variable; There is no variable named "nope".'
    )


def test_json_says_the_same() -> None:
    text = (
        '{"variable": {"V": {"default": "x"}}, "function": {"inc": {"params": ["n"], "result": "${n + 1}"}},'
        ' "target": {"default": {"args": {"A": "${V}y", "B": "${inc(1)}"}, "tags": ["$${V}"], "pull": true}}}'
    )
    found = targets_of(text, name="docker-bake.json")["default"]
    assert found["args"] == {"A": "xy", "B": "2"}
    assert found["tags"] == ["${V}"]
    with pytest.raises(CommandError, match="Invalid JSON"):
        plan_of('{"target": ', name="docker-bake.json")


COMPOSE = """
services:
  web.app:
    image: web:${TAG:-1}
    build:
      context: ./web
      args: [A=1, B, "C=$$x${D:+d}"]
      additional_contexts: {base: "service:api"}
      secrets: [token]
      extra_hosts: ["h:1.2.3.4"]
      shm_size: 64m
      ulimits: {nofile: {soft: 1, hard: 2}}
      x-bake: {tags: [t:1], platforms: linux/amd64}
  db: {image: db}
  api: {build: api}
secrets:
  token: {file: ./token}
"""


def test_compose_files_are_targets() -> None:
    plan = plan_of(COMPOSE, name="compose.yaml", B="b", D="1")
    assert plan.groups["default"] == ["api", "web_app"]
    assert documented(plan)["web_app"] == {
        "context": "web",
        "contexts": {"base": "target:api"},
        "dockerfile": "Dockerfile",
        "args": {"A": "1", "B": "b", "C": "$xd"},
        "tags": ["t:1"],
        "secret": ["id=token,src=token"],
        "platforms": ["linux/amd64"],
        "shm-size": "64MiB",
        "ulimits": ["nofile=1:2"],
        "extra-hosts": {"h": "1.2.3.4"},
    }
    with pytest.raises(CommandError, match="required variable X is missing a value: say it"):
        plan_of("services: {a: {build: '${X:?say it}'}}", name="compose.yaml")
    with pytest.raises(CommandError, match="failed to parse compose file"):
        plan_of("services: [", name="compose.yaml")


def test_lists_may_hold_objects() -> None:
    text = (
        'target "default" {\n cache-from = [{ ref = "r", type = "registry" }]\n'
        ' secret = [{ id = "a", env = "B" }]\n ssh = [{ id = "default" }]\n'
        ' output = [{ type = "docker" }]\n}\n'
    )
    found = targets_of(text)["default"]
    assert found["cache-from"] == ["type=registry,ref=r"]
    assert found["secret"] == ["env=B,id=a"]
    assert found["ssh"] == ["default"]
    assert found["output"] == ["type=docker"]
