"""Graphs of BuildKit's own form: ``docker buildx bake`` of addresses, and targets that are made of others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.buildx import Buildx
from tests.support.daemons import Daemon
from tests.support.git_server import Repository, git_server
from tests.support.http_server import http_server

pytestmark = [pytest.mark.root, pytest.mark.needs("git")]

BAKE = """
variable "V" { default = "none" }
group "default" { targets = ["app", "sub"] }
target "app" {
  tags = ["app:r"]
  args = { V = V }
}
target "sub" {
  context = "sub"
  contexts = { base = "target:app" }
  tags = ["sub:r"]
}
"""
FILES = {
    "docker-bake.hcl": BAKE,
    "text": "top\n",
    "Dockerfile": "FROM busybox\nARG V\nENV FROM_APP=yes\nRUN echo $V >/v\nCOPY text /text\n",
    "sub/f": "below\n",
    "sub/Dockerfile": 'FROM base\nCOPY f /f\nRUN echo "$FROM_APP" >/env\n',
}


@pytest.fixture
def served(buildkit_engine: Daemon, tmp_path: Path) -> Iterator[Path]:
    """What is in this folder is at http://127.0.0.1:8421/."""
    folder = tmp_path / "served"
    folder.mkdir()
    with http_server(buildkit_engine.namespace, folder, 8421):
        yield folder


def test_a_repository_is_baked(buildkit_engine: Daemon, build: Buildx, tmp_path: Path) -> None:
    made = Repository(tmp_path / "repositories" / "app")
    made.commit(FILES, "one")
    made.commit({"docker-bake.hcl": "this is no definition"})
    with git_server(made.path.parent, buildkit_engine.namespace, 8422) as root:
        address = f"{root}/app/.git"
        build.other("bake", f"{address}#one", "--set", "*.args.V=7")
        assert build.run("app:r", "cat", "/v", "/text") == "7\ntop\n"
        missing = build.other("bake", f"{address}#one", "-f", "none.hcl", code=1).stderr
        assert "none.hcl: no such file or directory" in missing
        refused = build.other("bake", f"{address}#nosuch", code=1).stderr
        assert "nosuch" in refused
        assert "Invalid" in build.other("bake", address, "--print", code=1).stderr


def test_targets_are_made_of_targets(build: Buildx) -> None:
    """By the docker driver each result goes to the next build as a graph."""
    for name, text in FILES.items():
        build.write(name, text)
    done = build.other(
        "bake",
        "-f",
        str(build.context / "docker-bake.hcl"),
        "--set",
        f"app.context={build.context}",
        "--set",
        f"sub.context={build.context}/sub",
        "--set",
        "app.args.V=8",
    )
    assert build.run("sub:r", "cat", "/v", "/text", "/f", "/env") == "8\ntop\nbelow\nyes\n", done.stderr


def test_a_definition_by_itself_is_about_what_is_here(build: Buildx, served: Path) -> None:
    (served / "alone.hcl").write_text(
        f'target "default" {{\n  tags = ["alone:r"]\n  context = "{build.context}"\n}}\n'
    )
    build.write("Dockerfile", "FROM busybox\nCOPY f /f\n")
    build.write("f", "alone\n")
    build.other("bake", "http://127.0.0.1:8421/alone.hcl")
    assert build.run("alone:r", "cat", "/f") == "alone\n"
    gone = build.other("bake", "http://127.0.0.1:8421/none.hcl", code=1).stderr
    assert "404" in gone
