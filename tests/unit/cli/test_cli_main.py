"""Dispatch, help and exit statuses, without Docker to compare with."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scow.cli.main import main
from scow.cli.tree import COMMON, INNER_NOUNS, NOUNS, OTHERS, PLUGIN_NOUNS, PORT_VERBS, load_command
from tests.support.environment import program
from tests.support.fake_engine import fake_engine


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SCOW_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nope.sock")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def test_an_unknown_command_points_to_the_help_page(capfd: pytest.CaptureFixture[str]) -> None:
    assert main("scow", ["bogus"]) == 1
    assert capfd.readouterr().err == (
        "scow: unknown command: scow bogus\n\nRun 'scow --help' for more information\n"
    )


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("imges", "images"),
        ("vulume ls", "volume"),
        ("container strat x", "start"),
        ("volume snapshott ls", "snapshot"),
        ("buildx imagetools inspct", "inspect"),
        ("run --nmae x busybox", "--name"),
        ("--contxt x ps", "--context"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion(
    words: str, meant: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main("scow", words.split()) in (1, 125)
    said = capfd.readouterr().err
    complaint, _, rest = said.partition("\n\nDid you mean this?\n")
    assert complaint.startswith(("scow: unknown command: ", "unknown flag: "))
    assert meant in [line.removeprefix("\t") for line in rest.splitlines() if line.startswith("\t")]
    assert main("docker", words.split()) in (1, 125)
    assert "Did you mean" not in capfd.readouterr().err  # Docker says no such thing


def test_an_unknown_option_is_status_125_with_the_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert main("scow", ["ps", "--bogus"]) == 125
    assert capfd.readouterr().err == (
        "unknown flag: --bogus\n\nUsage:  scow ps [OPTIONS]\n\nRun 'scow ps --help' for more information\n"
    )


def test_a_wrong_number_of_arguments_names_the_command_as_it_was_called(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main("scow", ["image", "tag", "x"]) == 1
    assert capfd.readouterr().err == (
        "scow: 'scow image tag' requires 2 arguments\n\n"
        "Usage:  scow image tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]\n\n"
        "Run 'scow image tag --help' for more information\n"
    )


def test_no_command_prints_the_help_page_where_errors_go(capfd: pytest.CaptureFixture[str]) -> None:
    assert main("scow", []) == 0
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage:  scow [OPTIONS] COMMAND\n\nA self-sufficient runtime")
    assert main("scow", ["--help"]) == 0
    assert capfd.readouterr().out == captured.err


def test_aliases_are_the_command_they_stand_for(capfd: pytest.CaptureFixture[str]) -> None:
    main("scow", ["container", "list", "--help"])
    page = capfd.readouterr().out
    assert page.startswith("Usage:  scow container ls [OPTIONS]\n")
    assert "scow container ls, scow container list, scow container ps, scow ps\n" in page
    main("scow", ["help", "container", "ls"])
    assert capfd.readouterr().out == page


def test_every_command_is_in_the_tree_and_can_be_loaded() -> None:
    places = {*COMMON.values(), *OTHERS.values(), *PORT_VERBS.values()}
    nouns = (*NOUNS.values(), *INNER_NOUNS.values(), *PLUGIN_NOUNS.values())
    places |= {place for noun in nouns for _, place in noun.all_verbs()}
    folder = Path(load_command.__code__.co_filename).parent / "commands"
    there = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if path.stem != "__init__"
    }
    assert {place.partition(":")[0] for place in places} == there
    for place in places:
        assert load_command(place).short


def test_versions_of_both_names(capfd: pytest.CaptureFixture[str]) -> None:
    main("scow", ["--version"])
    main("docker", ["-v"])
    main("podman", ["-v"])
    scow, docker, podman = capfd.readouterr().out.splitlines()
    assert scow.startswith("scow version ")
    assert docker.startswith("Docker version 28.2.2, build ")
    assert podman.startswith("Podman version 28.2.2, build ")


@pytest.mark.parametrize("name", ["docker", "podman", "scow", "anything-else"])
def test_the_program_goes_by_the_name_it_is_called_by(name: str, tmp_path: Path) -> None:
    link = tmp_path / name
    link.symlink_to(program("scow"))
    done = subprocess.run([str(link), "bogus"], capture_output=True, text=True, timeout=120)
    shown = name if name in ("docker", "podman") else "scow"
    assert (
        done.stderr
        == f"{shown}: unknown command: {shown} bogus\n\nRun '{shown} --help' for more information\n"
    )
    assert done.returncode == 1


def test_compose_is_refused_by_name(capfd: pytest.CaptureFixture[str]) -> None:
    assert main("docker-compose", ["up"]) == 1
    assert capfd.readouterr().err == "docker-compose: compose projects are not supported\n"


def test_commands_that_the_engine_has_not_are_refused_before_they_are_tried(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_engine(tmp_path / "s", api_version="1.41") as engine:
        engine.ping_headers["Docker-Experimental"] = "false"
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        assert main("scow", ["checkpoint", "ls", "x"]) == 1
        assert main("scow", ["start", "--checkpoint", "c", "x"]) == 1
        assert main("scow", ["volume", "update", "x"]) == 1
        assert [request.path for request in engine.requests] == ["/_ping"] * 3
    checkpoint, start, volume = capfd.readouterr().err.splitlines()
    assert checkpoint == (
        "scow checkpoint ls is only supported on a Docker daemon with experimental features enabled"
    )
    assert start == '"--checkpoint" is only supported on a Docker daemon with experimental features enabled'
    assert volume == (
        "scow volume update requires API version 1.42, but the Docker daemon API version is 1.41"
    )


def test_a_missing_engine_is_status_1_and_for_run_125(capfd: pytest.CaptureFixture[str]) -> None:
    message = "Cannot connect to the Docker daemon at unix:///nope.sock. Is the docker daemon running?"
    assert main("scow", ["ps"]) == 1
    assert capfd.readouterr().err == f"{message}\n"
    assert main("scow", ["run", "busybox"]) == 125
    assert capfd.readouterr().err == (f"scow: {message}\n\nRun 'scow run --help' for more information\n")


def test_the_version_of_this_program_is_printed_without_an_engine(capfd: pytest.CaptureFixture[str]) -> None:
    assert main("scow", ["version"]) == 1
    captured = capfd.readouterr()
    assert captured.out.startswith("Client:\n Version:           ")
    assert "Server:" not in captured.out


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may connect to any socket."""
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_socket_that_is_not_ours_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import socket

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        os.chmod(folder, 0o755)
        monkeypatch.setenv("DOCKER_CONFIG", folder)
        path = f"{folder}/s"
        listener.bind(path)
        os.chmod(path, 0)
        with as_nobody():
            assert main("scow", ["-H", f"unix://{path}", "ps"]) == 1
    url = f"http://{path.replace('/', '%2F')}/v1.50/containers/json"
    assert capfd.readouterr().err == (
        f"permission denied while trying to connect to the Docker daemon socket at unix://{path}: "
        f'Get "{url}": dial unix {path}: connect: permission denied\n'
    )
