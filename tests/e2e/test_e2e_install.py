"""What ``pip install`` puts on a machine."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.environment import PROJECT


def test_a_wheel_has_both_programs_and_every_module(tmp_path: Path) -> None:
    tree = tmp_path / "scow"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(PROJECT / "src", tree / "src", ignore=ignored)
    shutil.copytree(PROJECT / "packaging", tree / "packaging")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, tree)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--wheel-dir", tmp_path, tree], capture_output=True, text=True)
    if "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("no registry can be reached")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("scow-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (listed,) = (name for name in names if name.endswith("/entry_points.txt"))
        programs = archive.read(listed).decode()
    assert "scowd = scow.daemon:console" in programs
    assert any(name.endswith(".data/scripts/scow") for name in names)
    missing = {
        str(path.relative_to(PROJECT / "src"))
        for path in (PROJECT / "src" / "scow").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } - names
    assert not missing
