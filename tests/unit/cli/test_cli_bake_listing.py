"""``bake --list``, as buildx 0.2x has it."""

import json

import pytest

from scow.cli.bake.hcl_nodes import Source
from scow.cli.bake.listing import listed
from scow.cli.bake.reading import written_in
from scow.cli.exits import CommandError

TEXT = """
variable "TAG" {
  default = "latest"
  description = "What it is called"
}
variable "COUNT" { default = 3 }
variable "NONE" { default = null }
variable "ALL" { default = ["a", "b"] }
group "default" { targets = ["web", "app"] }
target "app" { description = "All of it" }
target "web" {}
target "_hidden" {}
"""


def shown(wanted: str, **environ: str) -> str:
    return listed(wanted, written_in([Source("docker-bake.hcl", TEXT)], environ, {}))


def test_targets_and_groups_by_name() -> None:
    assert shown("targets") == "TARGET\tDESCRIPTION\napp\tAll of it\ndefault\tapp, web\nweb\t\n"
    assert json.loads(shown("type=targets,format=json")) == [
        {"name": "app", "description": "All of it"},
        {"name": "default", "description": "app, web", "group": True},
        {"name": "web"},
    ]


def test_variables_have_the_values_that_count() -> None:
    assert shown("variables", TAG="2") == (
        "VARIABLE\tVALUE\t\tDESCRIPTION\n"
        'ALL\t\t["a", "b"]\t\n'
        "COUNT\t\t3\t\t\n"
        "NONE\t\t<null>\t\t\n"
        "TAG\t\t2\t\tWhat it is called\n"
    )
    assert json.loads(shown("type=variables,format=json"))[-1] == {
        "name": "TAG",
        "description": "What it is called",
        "value": "latest",
    }


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("things", 'invalid list type "things"'),
        ("type=targets,format=xml", 'invalid list format "xml"'),
        ("type=targets,as=json", "unexpected key 'as' in 'as=json'"),
        ("type=targets,json", "invalid value json"),
    ],
)
def test_what_cannot_be_listed(wanted: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        shown(wanted)
