"""The unit files mean to systemd what they should."""

import configparser
import subprocess
from pathlib import Path

import pytest

from tests.support.environment import PROJECT, program

UNITS = PROJECT / "packaging" / "systemd"


class UnitParser(configparser.ConfigParser):
    """Names of settings are as they are written."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def settings(name: str) -> configparser.ConfigParser:
    parser = UnitParser(interpolation=None)
    parser.read(UNITS / name)
    return parser


@pytest.mark.needs("systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for name in ("scow.service", "scow.socket"):
        text = (UNITS / name).read_text().replace("/usr/bin/scowd", program("scowd"))
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_stopping_the_service_leaves_containers_running() -> None:
    service = settings("scow.service")["Service"]
    assert service["KillMode"] == "process"
    assert service["Delegate"] == "yes"


def test_the_service_takes_its_socket_from_systemd() -> None:
    assert settings("scow.service")["Service"]["ExecStart"].endswith("scowd -H fd://")
    assert settings("scow.socket")["Socket"]["ListenStream"] == "/run/scow/scow.sock"
