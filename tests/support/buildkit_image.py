"""An image that stands in for moby/buildkit: a real BuildKit, which is the one inside dockerd 26.1.

There is no registry to fetch BuildKit's own image from, and no package of it. What buildx wants of the image
is a ``buildkitd`` to start and a ``buildctl dial-stdio`` that leads to it.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.images import busybox_layer, cached
from tests.support.present_docker import present_docker

BUILDKIT_IMAGE = "moby/buildkit:buildx-stable-1"
_API = "127.0.0.1:2375"
_BUILDKITD = f"""#!/bin/sh
[ "$1" != --version ] || exec echo "buildkitd github.com/moby/buildkit v0.12.5"
exec dockerd --host tcp://{_API} --tls=false --iptables=false --data-root /var/lib/buildkit/docker
"""
_SETTINGS = {"features": {"containerd-snapshotter": True}, "userland-proxy": False}
"""Without containerd's store its BuildKit exports nothing but images of its own."""
_BUILDCTL = f"""#!/bin/sh
[ "$1" = dial-stdio ] || exec wget -q -O /dev/null http://{_API}/_ping # debug workers: is it there?
# BuildKit's protocol is behind an upgrade of the API's connection; nothing may be sent before the answer.
answered=$(mktemp -u)
mkfifo $answered
{{ printf 'POST /grpc HTTP/1.1\\r\\nHost: buildkit\\r\\nConnection: Upgrade\\r\\nUpgrade: h2c\\r\\n\\r\\n'
  read -r _ <$answered; rm $answered; cat; }} |
nc {_API.replace(":", " ")} |
{{ while IFS= read -r line && [ ${{#line}} -gt 1 ]; do :; done; echo >$answered; cat; }}
"""


# Part of the file's name: raised when the recipe changes.
_RECIPE = 1


def buildkit_archive() -> Path:
    """Path of the archive; made when it is missing. Raises NotInstalledError."""
    return cached(f"buildkit-{_RECIPE}", _make)


def _make() -> bytes:
    layer = Layer()
    root = present_docker() / "usr"
    runc = shutil.which("runc")
    assert runc, "runc is not installed: scripts/setup"
    names = ("sbin/dockerd", "bin/containerd", "bin/containerd-shim-runc-v2")
    programs = [*(root / name for name in names), Path(runc)]
    for folder in ("etc/docker", "lib", "lib64", "run", "var/lib"):
        layer.folder(folder)
    for program in programs:
        layer.file(f"usr/bin/{program.name}", program.read_bytes(), mode=0o755)
    for library in sorted({it for program in programs for it in _libraries(program)}):
        folder = "lib64" if library.name.startswith("ld-") else "lib"
        layer.file(f"{folder}/{library.name}", library.read_bytes(), mode=0o755)
    layer.file("etc/docker/daemon.json", json.dumps(_SETTINGS))
    layer.file("usr/bin/buildkitd", _BUILDKITD, mode=0o755)
    layer.file("usr/bin/buildctl", _BUILDCTL, mode=0o755)
    config = {"Entrypoint": ["buildkitd"], "Env": ["PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=/lib"]}
    return docker_archive([ArchiveImage([busybox_layer(), layer.data()], [BUILDKIT_IMAGE], config)])


def _libraries(program: Path) -> Iterator[Path]:
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    yield from map(Path, re.findall(r"(?:=> )?(/\S+) \(0x", told))
