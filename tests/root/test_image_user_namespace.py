"""Images where root is not root: overlayfs with user attributes, no device nodes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.disks import mounted_tmpfs

pytestmark = [pytest.mark.root, pytest.mark.needs("unshare")]

_INSIDE = """
import asyncio, sys
from pathlib import Path
from scow.image.store import ImageStore
from scow.store import Store

disk, key = Path(sys.argv[1]), "b" * 64

async def archive():
    yield (disk / "archive").read_bytes()

async def main():
    store = Store(disk / "scow.db")
    images = await ImageStore.open(disk, store, None)
    print(images.driver_name, dict(images.driver_status()).get("userxattr"))
    async for _ in images.load(archive()):
        pass
    await images.rootfs.create(key, images.resolve("app:1").id)
    root = await images.rootfs.mount(key)
    print(*sorted(str(path.relative_to(root)) for path in root.glob("data/**/*")))
    await images.rootfs.remove(key)
    await images.delete("app:1")
    await store.aclose()

asyncio.run(main())
"""


def test_layers_stack_in_a_user_namespace(tmp_path: Path) -> None:
    below, above = Layer(), Layer()
    for name in ("data/kept", "data/gone", "data/opaque/old"):
        below.file(name, "x")
    below.device("data/null", b"3", 1, 3)
    above.file("data/.wh.gone")
    above.file("data/opaque/.wh..wh..opq")
    above.file("data/opaque/new")
    with mounted_tmpfs(tmp_path / "disk", "64m") as disk:
        image = ArchiveImage([below.data(), above.data()], ["app:1"])
        (disk / "archive").write_bytes(docker_archive([image]))
        argv = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", _INSIDE, str(disk)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert done.stdout.splitlines() == ["overlay2 true", "data/kept data/opaque data/opaque/new"], (
            done.stderr
        )
