"""An image with a Python for front ends: this machine's interpreter, and what one needs of its library."""

import re
import subprocess
from pathlib import Path

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.images import busybox_layer, cached

# Part of the file name: raise it when the recipe changes.
_RECIPE = 3
_PYTHON = Path("/usr/bin/python3.11")
_GUIDE = Path(__file__).parents[2] / "docs/guides/writing-a-front-end.md"
_LISTING = """
import sys
sys.path.insert(0, sys.argv[1])
import encodings.idna, hashlib, json, pathlib, shlex, typing, h2.connection, h2.events
for module in list(sys.modules.values()):
    if path := getattr(module, "__file__", None):
        print(path)
"""


def python_archive() -> Path:
    """``python:3-slim``, with the package ``h2`` in it, and a ``pip`` that has nothing to do."""
    return cached(f"front-end-python-{_RECIPE}", _make)


def guide_parts() -> tuple[str, str]:
    """The program and the Dockerfile of the guide."""
    text = _GUIDE.read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (dockerfile,) = re.findall(r"```dockerfile\n(.*?)```", text, re.S)
    return program, dockerfile


def _make() -> bytes:
    import h2

    packages = Path(h2.__file__).parents[1]
    listed = subprocess.run(
        [str(_PYTHON), "-I", "-c", _LISTING, str(packages)], capture_output=True, text=True, check=True
    ).stdout
    layer = Layer()
    libraries: set[Path] = set(_libraries(_PYTHON))
    layer.file(str(_PYTHON).lstrip("/"), _PYTHON.read_bytes(), mode=0o755)
    for path in map(Path, dict.fromkeys(listed.split())):
        inside = path
        if path.is_relative_to(packages):
            inside = Path("/usr/lib/python3/dist-packages") / path.relative_to(packages)
        if path.suffix == ".so":
            libraries |= set(_libraries(path))
        layer.file(str(inside).lstrip("/"), path.read_bytes())
    for path in sorted(libraries):
        layer.file(str(path).lstrip("/"), path.read_bytes(), mode=0o755)
    layer.file("usr/bin/pip", "#!/bin/sh\n", mode=0o755)
    layer.symlink("usr/bin/python3", str(_PYTHON))
    settings = {"Cmd": ["python3"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "MADE=yes"]}
    return docker_archive([ArchiveImage([busybox_layer(), layer.data()], ["python:3-slim"], settings)])


def _libraries(program: Path) -> list[Path]:
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return [Path(word) for word in told.split() if word.startswith("/")]
