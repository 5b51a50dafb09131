"""The images the tests run, made once on this machine and cached as docker archives.

    busybox   busybox:latest and alpine:latest: Debian's static busybox with a link for every applet, a few
              users and groups
    debian    debian:bookworm: debootstrap's minbase, trimmed, with this machine's apt mirror and settings,
              so that ``apt-get update`` works in a container wherever it works outside

An archive is written under another name and renamed, so a broken run leaves nothing half-made; a lock keeps
two workers from making the same image.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.archives import ArchiveImage, Layer, docker_archive, folder_layer
from tests.support.disks import mounted_tmpfs
from tests.support.environment import cache_dir, run_dir

# Part of the file names: raise it when the recipe of an image changes.
_BUSYBOX_RECIPE = 1
_DEBIAN_RECIPE = 1

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
app:x:1000:1000:an ordinary user:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
"""
GROUP = """\
root:x:0:
daemon:x:1:
adm:x:4:app
www-data:x:33:
audio:x:29:app
app:x:1000:
nogroup:x:65534:
"""


def busybox_layer() -> bytes:
    """Root file system of the busybox image."""
    busybox = shutil.which("busybox")
    assert busybox, "busybox-static is not installed: scripts/setup"
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    layer = Layer()
    for name in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var", "var/www"):
        layer.folder(name, mode=0o700 if name == "root" else 0o755)
    layer.folder("home/app", uid=1000, gid=1000)
    layer.folder("tmp", mode=0o1777)
    layer.file("bin/busybox", Path(busybox).read_bytes(), mode=0o755)
    for applet in applets:
        if applet != "busybox":
            layer.symlink(f"bin/{applet}", "busybox")
    layer.symlink("usr/bin/env", "../../bin/busybox")
    layer.file("etc/passwd", PASSWD)
    layer.file("etc/group", GROUP)
    layer.file("etc/shadow", "root:*:19000:0:99999:7:::\n", mode=0o640)
    return layer.data()


def _make_busybox() -> bytes:
    image = ArchiveImage([busybox_layer()], ["busybox:latest", "alpine:latest"])
    return docker_archive([image])


def _apt_mirror() -> str:
    """The Debian mirror that apt uses here; the official one on systems that are not Debian."""
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)"], capture_output=True, text=True
    ).stdout
    found = re.search(r"^Debian (https?://\S+/debian)/?$", sites, re.M)
    return found[1] if found else "http://deb.debian.org/debian"


def _apt_settings() -> str:
    """Proxy and date settings of this machine's apt, as a configuration file."""
    wanted = r"^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy) .*"
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if re.match(wanted, line))


def _make_debian() -> bytes:
    mirror = _apt_mirror()
    with mounted_tmpfs(run_dir() / "debootstrap") as folder:
        root = folder / "rootfs"
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(root), mirror],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert made.returncode == 0, f"debootstrap failed:\n{made.stdout[-2000:]}"
        _trim_debian(root)
        (root / "etc/apt/sources.list").write_text(f"deb {mirror} bookworm main\n")
        (root / "etc/apt/apt.conf.d/90host").write_text(_apt_settings())
        layer = folder_layer(root)
    return docker_archive([ArchiveImage([layer], ["debian:bookworm"], {"Cmd": ["bash"]})])


def _trim_debian(root: Path) -> None:
    for name in (
        "usr/share/doc",
        "usr/share/man",
        "usr/share/locale",
        "usr/share/info",
        "var/log/bootstrap.log",
    ):
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name in ("var/lib/apt/lists", "var/cache/apt", "dev"):
        for path in (root / name).iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(name: str, make: Callable[[], bytes]) -> Path:
    path = cache_dir() / f"{name}.tar"
    cache_dir().mkdir(parents=True, exist_ok=True)
    with _locked(cache_dir() / f"{name}.lock"):
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}")
            part.write_bytes(make())
            part.rename(path)
    return path


def busybox_archive() -> Path:
    """Path of the archive with ``busybox:latest`` and ``alpine:latest``; made when it is missing."""
    return cached(f"busybox-{_BUSYBOX_RECIPE}", _make_busybox)


def debian_archive() -> Path:
    """Path of the archive with ``debian:bookworm``; made with debootstrap, in minutes, when it is missing."""
    return cached(f"debian-bookworm-{_DEBIAN_RECIPE}", _make_debian)
