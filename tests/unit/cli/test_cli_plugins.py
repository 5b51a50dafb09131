"""Command line plugins: found, run, listed and refused as Docker's command line does it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scow.cli.main import main
from tests.support.docker_cli import docker_cli_lacks

_PLUGIN = """#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
    echo '{metadata}'
else
    echo "$DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND" "$@"
    exit 7
fi
"""
_GOOD = {"SchemaVersion": "0.1.0", "Vendor": "Somebody", "ShortDescription": "Greets people"}
_PROGRAM = "import sys; from scow.cli.main import console; sys.argv[0] = 'scow'; console()"


def _add(folder: Path, name: str, metadata: object, text: str = _PLUGIN) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"docker-{name}"
    path.write_text(text.replace("{metadata}", json.dumps(metadata)))
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nope.sock")
    return tmp_path / "cli-plugins"


def _scow(*words: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, because a plugin takes the process's place."""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_plugin_is_a_command(folder: Path) -> None:
    _add(folder, "hello", _GOOD)
    done = _scow("--log-level", "warn", "hello", "--loud", "world")
    assert (done.stdout, done.returncode) == ("scow --log-level warn hello --loud world\n", 7)
    assert _scow("help", "hello").stdout == "scow help hello\n"
    assert _scow("hello", "--help").stdout == "scow hello --help\n"
    assert _scow("__complete", "hello", "w").stdout == "scow __complete hello w\n"
    assert "hello\tGreets people\n" in _scow("__complete", "he").stdout


def test_folders_of_the_settings_come_first(folder: Path, tmp_path: Path) -> None:
    _add(folder, "hello", {**_GOOD, "ShortDescription": "second"})
    _add(tmp_path / "extra", "hello", {**_GOOD, "ShortDescription": "first"})
    (tmp_path / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(tmp_path / "extra")]}))
    assert "\n  hello*      first\n" in _scow("--help").stdout


@pytest.mark.parametrize(
    ("name", "metadata", "reason"),
    [
        ("hello", {**_GOOD, "SchemaVersion": "2"}, 'plugin SchemaVersion "2" is not valid, must be 0.1.0'),
        ("hello", {"SchemaVersion": "0.1.0"}, "plugin metadata does not define a vendor"),
        ("hello", [], "invalid metadata"),
        ("he_llo", _GOOD, 'plugin candidate "he_llo" did not match "^[a-z][a-z0-9]*$"'),
        ("ps", _GOOD, 'plugin "ps" duplicates builtin command'),
        ("volume", _GOOD, 'plugin "volume" duplicates builtin command'),
    ],
)
def test_what_is_wrong_with_a_plugin_is_said_in_the_help_page(
    name: str, metadata: object, reason: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _add(folder, name, metadata)
    main("scow", ["--help"])
    page = capfd.readouterr().out
    assert f"\n\nInvalid Plugins:\n  {name.ljust(11)} {reason}" in page
    assert f"{name}*" not in page


def test_a_plugin_that_fails_is_no_command(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _add(folder, "hello", _GOOD, "#!/bin/sh\nexit 3\n")
    assert main("scow", ["hello"]) == 1
    assert capfd.readouterr().err.startswith("scow: unknown command: scow hello\n")
    _add(folder, "hello", _GOOD, "#!/no/such/interpreter\n")
    main("scow", ["--help"])
    assert (
        f"failed to fetch metadata: fork/exec {folder}/docker-hello: no such file" in capfd.readouterr().out
    )


@pytest.mark.skipif(docker_cli_lacks() != "", reason=docker_cli_lacks())
def test_the_lines_of_plugins_in_the_help_page_are_dockers(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _add(folder, "hello", _GOOD)
    _add(folder, "bad", {"SchemaVersion": "0.1.0"})
    docker = subprocess.run(["docker", "--help"], capture_output=True, text=True, timeout=120).stdout
    main("docker", ["--help"])
    ours = capfd.readouterr().out

    def about_plugins(page: str) -> list[str]:
        return [line for line in page.splitlines() if "hello" in line or "bad" in line or "Invalid" in line]

    assert about_plugins(ours) == about_plugins(docker)
