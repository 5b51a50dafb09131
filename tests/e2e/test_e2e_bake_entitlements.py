"""``buildx bake`` asks before a definition reads, writes or does what nobody has said that it may."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.clients import Result
from tests.support.daemons import Daemon
from tests.support.git_server import Repository, git_server

pytestmark = pytest.mark.root

OUTWARD = """
target "default" {
  dockerfile-inline = "FROM scratch\\nCOPY --from=other note /note\\n"
  contexts = { other = "../read" }
  output = ["../written"]
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory. What ``OUTWARD`` reads is beside it."""
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "read").mkdir()
    (tmp_path / "read/note").write_text("of the neighbour\n")
    (here / "docker-bake.hcl").write_text(OUTWARD)
    monkeypatch.chdir(here)
    return here


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


def bake(daemon: Daemon, *arguments: str, code: int = 0, env: dict[str, str] | None = None) -> Result:
    result: Result = daemon.scow("buildx", "bake", *arguments, code=code, env=env, timeout_s=120)
    return result


def test_without_a_terminal_what_is_missing_is_told(scow_daemon: Daemon, folder: Path) -> None:
    refused = bake(scow_daemon, code=1).err
    assert " - Read access to path ../read\n - Write access to path ..\n" in refused
    options = "--allow=fs.read=../read --allow=fs.write=.."
    assert f'\nPass "{options}" to grant requested privileges.\n' in refused
    assert f"buildx bake {options}\n" in refused.replace(" \n", "\n")
    assert "you can set BUILDX_BAKE_ENTITLEMENTS_FS=0 ." in refused
    assert refused.endswith("ERROR: additional privileges requested\n")
    assert not (folder.parent / "written").exists()
    bake(scow_daemon, "--allow=fs.read=../read", code=1)
    bake(scow_daemon, *options.split())
    assert (folder.parent / "written/note").read_text() == "of the neighbour\n"


def test_files_are_let_pass_where_the_environment_says_so(scow_daemon: Daemon, folder: Path) -> None:
    done = bake(scow_daemon, env={"BUILDX_BAKE_ENTITLEMENTS_FS": "0"})
    assert "requesting privileges" in done.err
    assert (folder.parent / "written/note").exists()
    wrong = bake(scow_daemon, env={"BUILDX_BAKE_ENTITLEMENTS_FS": "perhaps"}, code=1).err
    assert 'ERROR: failed to parse BUILDX_BAKE_ENTITLEMENTS_FS value "perhaps": strconv.ParseBool' in wrong
    network = 'target "default" {\n network = "host"\n dockerfile-inline = "FROM scratch"\n}\n'
    (folder / "docker-bake.hcl").write_text(network)
    bake(scow_daemon, env={"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}, code=1)


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked(scow_daemon: Daemon, folder: Path, answer: str) -> None:
    with scow_daemon.client("scow").terminal("buildx", "bake", rows=50, columns=200) as terminal:
        terminal.expect(r"In order to not see this message in the future pass ")
        terminal.expect(r"Do you want to grant requested privileges and continue\? \[y/N\] ")
        terminal.type(answer + "\r")
        assert terminal.wait(60) == (0 if answer == "y" else 1)
    assert (folder.parent / "written").exists() == (answer == "y")


def test_programs_that_read_along_are_told_in_one_line(scow_daemon: Daemon, folder: Path) -> None:
    refused = bake(scow_daemon, "--progress=rawjson", code=1).err.splitlines()
    assert refused[-1] == (
        'ERROR: additional privileges requested: pass "--allow=fs.read=../read --allow=fs.write=.." '
        "to grant requested privileges"
    )


def test_to_print_and_to_list_nobody_is_asked(scow_daemon: Daemon, folder: Path) -> None:
    assert "requesting" not in bake(scow_daemon, "--print").err + bake(scow_daemon, "--list=targets").err


@pytest.mark.needs("git")
def test_a_definition_from_elsewhere_is_asked_about(
    scow_daemon: Daemon, folder: Path, tmp_path: Path
) -> None:
    made = Repository(tmp_path / "repositories" / "app")
    definition = (
        'target "default" {\n dockerfile = "cwd://Dockerfile.here"\n output = ["type=local,dest=out"]\n'
        ' secret = ["id=s,src=../read/note"]\n}\n'
    )
    made.commit({"docker-bake.hcl": definition, "text": "theirs"})
    (folder / "Dockerfile.here").write_text(
        "FROM busybox AS b\nRUN --mount=type=secret,id=s cp /run/secrets/s /s\n"
        "FROM scratch\nCOPY text .\nCOPY --from=b /s .\n"
    )
    with git_server(made.path.parent, scow_daemon.namespace, 8421) as root:
        address = f"{root}/app/.git"
        assert "Read access to path ../read/note\n" in bake(scow_daemon, address, code=1).err
        bake(scow_daemon, address, env={"BAKE_ALLOW_REMOTE_FS_ACCESS": "1"})
    assert (folder / "out/text").read_text() == "theirs"
    assert (folder / "out/s").read_text() == "of the neighbour\n"


def test_what_was_in_a_folder_before_is_deleted_if_that_may_be(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "docker-bake.hcl").write_text(
        'target "default" {\n dockerfile-inline = "FROM scratch\\nCOPY docker-bake.hcl /new"\n'
        ' output = ["type=local,dest=out,mode=delete"]\n}\n'
    )
    (folder / "out/old").mkdir(parents=True)
    refused = bake(scow_daemon, code=1).err
    assert " - Deleting stale files from local output destinations\n" in refused
    assert (folder / "out/old").exists()
    bake(scow_daemon, "--allow=buildx.local.delete")
    assert [it.name for it in (folder / "out").iterdir()] == ["new"]
