"""Stand-ins for the images that suites of other people name, with the programs of this machine.

    alpine:3.10, alpine:latest, busybox, hello-world     busybox, each of another id
    python:3.13-alpine, python:3.14-alpine               busybox and Debian's minimal Python, whichever it is
    registry:2                                           busybox and Debian's docker-registry

Nothing is downloaded. A suite may remove them: ``tests/conformance/suite_plugin.py`` loads them again.
"""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.images import PASSWD, busybox_layer, cached

# Part of the file names: raise it when the recipe of an image changes.
_RECIPE = 3
_PYTHON = Path("/usr/bin/python3.11")
_PYTHON_PACKAGES = ("python3.11-minimal", "libpython3.11-minimal")
# Beyond Debian's minimal set: what an interactive prompt imports.
_MODULES = ("_sitebuiltins.py", "rlcompleter.py")
_REGISTRY = Path("/usr/bin/docker-registry")
_REGISTRY_SETTINGS = """\
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}, delete: {enabled: true}}
http: {addr: ":5000"}
"""
_HELLO = """\
#!/bin/busybox sh
/bin/busybox cat <<END

Hello from Docker!
This message shows that your installation appears to be working correctly.

END
"""


def suite_archive() -> Path:
    """Path of the archive with the images of docker-py's suite."""
    return cached(f"suite-{_RECIPE}", _make_suite)


def python_archive() -> Path:
    """Path of the archive with those of aiodocker's. Needs Debian's Python 3.11 and docker-registry."""
    return cached(f"suite-python-{_RECIPE}", _make_python)


def _make_suite() -> bytes:
    base = busybox_layer()
    images = [
        ArchiveImage([base, _alpine_layer("3.10.9")], ["alpine:3.10"], {"Cmd": ["/bin/sh"]}),
        ArchiveImage([base, _alpine_layer("3.99.0")], ["alpine:latest"], {"Cmd": ["/bin/sh"]}),
        ArchiveImage([base], ["busybox:latest"]),
        ArchiveImage([_hello_layer()], ["hello-world:latest"], {"Cmd": ["/hello"]}),
    ]
    return docker_archive(images)


def _make_python() -> bytes:
    layers = [busybox_layer(), _python_layer()]
    names = {"3.13": ["python:3.13-alpine", "python:latest"], "3.14": ["python:3.14-alpine"]}
    images = [
        ArchiveImage(layers, tags, {"Cmd": ["python3"], "Labels": {"version": version}})
        for version, tags in names.items()
    ]
    return docker_archive([*images, _registry_image(layers[0])])


def _registry_image(base: bytes) -> ArchiveImage:
    layer = Layer()
    for path in (_REGISTRY, *_shared_libraries(_REGISTRY)):
        layer.file(str(path).lstrip("/"), path.read_bytes(), mode=0o755)
    layer.file("etc/registry.yml", _REGISTRY_SETTINGS)
    settings = {"Entrypoint": [str(_REGISTRY)], "Cmd": ["serve", "/etc/registry.yml"]}
    return ArchiveImage([base, layer.data()], ["registry:2"], {**settings, "ExposedPorts": {"5000/tcp": {}}})


def _alpine_layer(release: str) -> bytes:
    layer = Layer()
    for name in ("mnt", "opt", "srv", "var/opt", "var/log"):
        layer.folder(name)
    layer.file("etc/alpine-release", f"{release}\n")
    layer.file("etc/passwd", f"{PASSWD}postgres:x:70:70::/var/lib/postgresql:/bin/sh\n")
    return layer.data()


def _hello_layer() -> bytes:
    busybox = shutil.which("busybox")
    assert busybox, "busybox-static is not installed: scripts/setup"
    layer = Layer()
    layer.folder("bin")
    layer.file("bin/busybox", Path(busybox).read_bytes(), mode=0o755)
    layer.file("hello", _HELLO, mode=0o755)
    return layer.data()


def _python_layer() -> bytes:
    layer = Layer()
    library = Path("/usr/lib/python3.11")
    files = [
        *_files_of(_PYTHON_PACKAGES),
        *(library / name for name in _MODULES),
        *_shared_libraries(_PYTHON),
    ]
    for path in dict.fromkeys(files):
        layer.file(str(path).lstrip("/"), path.read_bytes(), mode=path.stat().st_mode & 0o777)
    for name in ("python", "python3"):
        layer.symlink(f"usr/local/bin/{name}", str(_PYTHON))
    return layer.data()


def _files_of(packages: Iterable[str]) -> Iterator[Path]:
    listed = subprocess.run(["dpkg", "-L", *packages], capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = Path(name)
        wanted = name.startswith(("/usr/lib/python3.11/", "/etc/python3.11/")) or path == _PYTHON
        if wanted and path.is_file():
            yield path


def _shared_libraries(program: Path) -> Iterator[Path]:
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    for word in listed.split():
        if word.startswith("/"):
            yield Path(word)
