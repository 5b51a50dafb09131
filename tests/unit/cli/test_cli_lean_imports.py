"""Commands import little: every invocation pays for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fake_engine import fake_engine

_HEAVY = {
    "asyncio",
    "argparse",
    "concurrent",
    "ctypes",
    "dataclasses",
    "http",
    "inspect",
    "ipaddress",
    "logging",
    "msgspec",
    "ssl",
    "subprocess",
    "tempfile",
    "typing",
    "urllib",
}
_FREQUENT_DO_WITHOUT = {"collections", "enum", "functools", "json", "re", "selectors", "signal", "socket"}
"""Modules of the library whose place the frequent commands' own few lines take: 15 ms of processor time."""
_SCRIPT = """
import sys
from scow.cli.main import main
status = main("scow", sys.argv[1:])
print("\\n" + " ".join(sorted(sys.modules)), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    "argv",
    [
        ["ps"],
        ["ps", "-a", "--format", "{{.ID}}"],
        ["images"],
        ["run", "-d", "busybox", "true"],
        ["stop", "a"],
        ["rm", "-f", "a"],
        ["inspect", "--type", "container", "a"],
        ["volume", "ls"],
        ["diff", "a"],
        ["update", "--cpus", "1", "a"],
        ["volume", "prune", "-f"],
        ["--version"],
        ["run", "--help"],
    ],
)
def test_nothing_heavy_is_imported(argv: list[str], tmp_path: Path) -> None:
    modules = {name.partition(".")[0] for name in _modules_of(argv, tmp_path)}
    assert modules & _HEAVY == set()


def _modules_of(argv: list[str], tmp_path: Path) -> set[str]:
    """What a command that ends well has imported at its end."""
    container = "c" * 64
    with fake_engine(tmp_path / "s") as engine:
        engine.answers |= {
            "GET /containers/json": (200, []),
            "GET /images/json": (200, []),
            "GET /networks": (200, []),
            "GET /volumes": (200, {"Volumes": [], "Warnings": None}),
            "GET /version": (200, {"Version": "1", "ApiVersion": "1.50", "Components": []}),
            "POST /containers/create": (201, {"Id": container, "Warnings": []}),
            f"POST /containers/{container}/start": (204, None),
            "POST /containers/a/start": (204, None),
            "POST /containers/a/stop": (204, None),
            "POST /containers/a/exec": (201, {"Id": "e"}),
            "POST /exec/e/start": (200, None),
            "DELETE /containers/a": (204, None),
            "GET /containers/a/json": (200, {"Id": "a", "Config": {"Tty": True}}),
            "GET /containers/a/logs": (200, None),
            "GET /containers/a/changes": (200, []),
            "POST /containers/a/update": (200, {"Warnings": []}),
            "POST /volumes/prune": (200, {"VolumesDeleted": []}),
            "POST /scow/build": (200, {"result": {}}),
        }
        environ = {"DOCKER_HOST": engine.host, "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-S", "-c", _SCRIPT, *argv],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "argv",
    [
        ["ps"],
        ["ps", "-a", "-q"],
        ["ps", "--filter", "name=a"],
        ["version"],
        ["images"],
        ["inspect", "a"],
        ["run", "-d", "--network", "none", "-p", "80:80", "-v", "/a:/b", "-e", "A=b", "busybox:1.36", "true"],
        ["exec", "-d", "a", "true"],
        ["start", "a"],
        ["stop", "a"],
        ["rm", "-f", "a"],
        ["logs", "a"],
        ["network", "ls"],
        ["volume", "ls"],
    ],
    ids=" ".join,
)
def test_frequent_commands_import_next_to_nothing(argv: list[str], tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text('{"auths": {}}')
    loaded = _modules_of(argv, tmp_path)
    assert "scow.cli.dispatch" in loaded
    assert loaded & _FREQUENT_DO_WITHOUT == set()


def test_a_build_imports_next_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    loaded = _modules_of(["build", "-t", "a", str(tmp_path)], tmp_path)
    assert "scow.cli.building.modern" in loaded
    assert loaded & (_HEAVY | _FREQUENT_DO_WITHOUT | {"base64", "secrets", "threading"}) == set()


def test_a_plain_table_needs_no_templates(tmp_path: Path) -> None:
    with fake_engine(tmp_path / "s") as engine:
        engine.answers["GET /containers/json"] = (200, [])
        done = subprocess.run(
            [sys.executable, "-S", "-c", _SCRIPT, "ps", "-a"],
            env={"DOCKER_HOST": engine.host, "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
        )
    loaded = done.stderr.splitlines()[-1].split()
    assert "scow.cli.commands.container.ls" in loaded
    assert not [
        name
        for name in loaded
        if name in ("scow.cli.templates.template", "scow.cli.help", "scow.cli.plugins")
    ]
