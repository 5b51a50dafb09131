"""What a virtual machine with pure cgroup version 2 boots from: kernel, initial RAM disk, and two disks.

    kernel, initrd, root.ext4   Debian's kernel for clouds with its modules, this machine's Python, its OCI
                                runtimes and busybox; made once and kept in the cache
    source.ext4                 scow as it is now, with its byte code; made for each run

Nothing is mounted to make them: mke2fs(8) fills a file system from a folder.
"""

import compileall
import functools
import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.support.client_packages import NotInstalledError, installed
from tests.support.debian_packages import unpack
from tests.support.environment import PROJECT, cache_dir

_RECIPE = 1  # raise it when what is on the disk changes
# Loaded before there is a disk, in this order.
_EARLY_MODULES = (
    "virtio",
    "virtio_ring",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
)
_MODULE_FOLDERS = (
    "arch",
    "block",
    "crypto",
    "drivers/block",
    "drivers/net",
    "drivers/virtio",
    "fs",
    "lib",
    "net",
)
_PROGRAMS = ("runc", "crun", "nft", "tini", "docker-init", "tini-static")
_PACKAGES = ("httptools", "msgspec", "isal", "zstandard", "h2", "hpack", "hyperframe", "urllib3")
_NEVER_USED = (
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "ensurepip",
    "config-*",
    "pydoc_data",
    "dist-packages",
)


@dataclass(frozen=True)
class Disks:
    """The files, for qemu."""

    kernel: Path
    initrd: Path
    root: Path


@functools.cache
def machine_disks() -> Disks:
    """Made where they are missing, half a minute. Raises NotInstalledError."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian" or platform.machine() != "x86_64":
        raise NotInstalledError("the kernel of the virtual machine is Debian's, for amd64")
    folder = cache_dir() / f"cgroup2-machine-{_fingerprint()}"
    installed(folder, lambda: _make(folder, release["VERSION_CODENAME"]))
    return Disks(folder / "kernel", folder / "initrd", folder / "root.ext4")


def source_disk(path: Path) -> None:
    """Make the disk with scow at ``path``."""
    staged = path.with_suffix(".d")
    shutil.copytree(PROJECT / "src/scow", staged / "scow")
    # Where it was written already this takes a moment; the machine would need minutes.
    compileall.compile_dir(staged, quiet=2, stripdir=str(staged), workers=os.cpu_count() or 1)
    _file_system(path, staged, "64M")
    shutil.rmtree(staged)


def _fingerprint() -> str:
    """Of what is copied from this machine: a new Python or runtime wants a new disk."""
    copied = [
        _EARLY_INIT,
        _INIT,
        _RECIPE,
        sys.version,
        *(importlib.metadata.version(name) for name in _PACKAGES),
    ]
    for name in ("busybox", *_PROGRAMS):
        if found := shutil.which(name):
            status = os.stat(found)
            copied += [name, status.st_size, status.st_mtime_ns]
    return hashlib.sha256(repr(copied).encode()).hexdigest()[:8]


def _make(folder: Path, suite: str) -> None:
    folder.mkdir()
    unpack(folder, suite, "linux-image-cloud-amd64*")
    package, root = folder / "root", folder / "staged"
    (kernel,) = (package / "boot").glob("vmlinuz-*")
    version = kernel.name.removeprefix("vmlinuz-")
    shutil.copy(kernel, folder / "kernel")
    _stage_system(root)
    _stage_python(root)
    modules = root / "lib/modules" / version
    _stage_modules(package / "lib/modules" / version, modules)
    _run("busybox", "depmod", "-b", str(root), version)
    _initrd(folder / "initrd", modules)
    _file_system(folder / "root.ext4", root, "1G")
    shutil.rmtree(package)
    shutil.rmtree(root)


def _stage_system(root: Path) -> None:
    """Folders, busybox under all its names, and programs with their libraries."""
    for name in ("proc", "sys", "dev", "run", "tmp", "etc", "var/lib", "root", "scow", "lib/modules"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "usr/bin", "usr/sbin", "lib64"):
        (root / name).mkdir(parents=True, exist_ok=True)
    busybox = shutil.which("busybox")
    assert busybox, "busybox-static is not installed: scripts/setup"
    shutil.copy(busybox, root / "bin/busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "sbin/modprobe").symlink_to("../bin/busybox")  # where the kernel looks
    (root / "init").write_text(_INIT)
    (root / "init").chmod(0o755)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="a machine of the tests"\n')
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    for name in _PROGRAMS:
        if found := shutil.which(name):
            shutil.copy(found, root / "usr/bin" / name)
            _stage_libraries(root, [Path(found)])
    for library in ("libnftables.so.1", "libseccomp.so.2"):  # loaded by name
        for place in _library_paths():
            if (place / library).exists():
                _stage_libraries(root, [place / library])
                _stage_file(root, place / library)


def _stage_python(root: Path) -> None:
    """This Python, with its library and what scow needs of other people's."""
    binary = Path(sys.executable).resolve()
    _stage_file(root, binary)
    (root / "usr/bin/python3").unlink(missing_ok=True)
    (root / "usr/bin/python3").symlink_to(binary)
    library = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix}))
    skipped = shutil.ignore_patterns(*_NEVER_USED)
    shutil.copytree(library, root / str(library).lstrip("/"), ignore=skipped, symlinks=True)
    site = root / "site"
    for name in _PACKAGES:
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts:
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), target)
    compileall.compile_dir(site, quiet=2, stripdir=str(root))
    extensions = [*library.glob("lib-dynload/*.so"), *site.rglob("*.so")]
    _stage_libraries(root, [binary, *extensions])


def _stage_modules(package: Path, target: Path) -> None:
    for name in _MODULE_FOLDERS:
        if (package / "kernel" / name).is_dir():
            shutil.copytree(package / "kernel" / name, target / "kernel" / name)
    for name in ("modules.builtin", "modules.order"):
        shutil.copy(package / name, target)


def _initrd(path: Path, modules: Path) -> None:
    """What finds the root disk: busybox and the drivers of the disk."""
    staged = path.with_name("early")
    for name in ("bin", "dev", "proc", "root"):
        (staged / name).mkdir(parents=True)
    shutil.copy(str(shutil.which("busybox")), staged / "bin/busybox")
    loads = []
    for name in _EARLY_MODULES:
        for found in modules.rglob(f"{name}.ko"):
            shutil.copy(found, staged)
            loads.append(f"busybox insmod /{found.name}")
    (staged / "init").write_text(_EARLY_INIT.replace("LOADS", "\n".join(loads)))
    (staged / "init").chmod(0o755)
    names = "\n".join(str(file.relative_to(staged)) for file in sorted(staged.rglob("*")))
    with open(path, "wb") as archive:
        subprocess.run(
            ["busybox", "cpio", "-o", "-H", "newc"], cwd=staged, input=names.encode(), stdout=archive,
            stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    shutil.rmtree(staged)


def _stage_libraries(root: Path, programs: Iterable[Path]) -> None:
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True).stdout
    for name in sorted(set(re.findall(r"(/\S+\.so[.\d]*)\s+\(", told))):
        _stage_file(root, Path(name))


def _stage_file(root: Path, path: Path) -> None:
    target = root / str(path).lstrip("/")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path.resolve(), target)


def _library_paths() -> list[Path]:
    return [Path("/usr/lib/x86_64-linux-gnu"), Path("/lib/x86_64-linux-gnu"), Path("/usr/lib64")]


def _file_system(path: Path, folder: Path, size: str) -> None:
    _run("truncate", "-s", size, str(path))
    _run(
        "mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,root_owner=0:0", "-d", str(folder), str(path)
    )


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise NotInstalledError(f"{' '.join(argv)}: {done.stderr.strip()[-300:]}")


_EARLY_INIT = """\
#!/bin/busybox sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
LOADS
busybox mount -t ext4 /dev/vda /root
exec busybox switch_root /root /init
"""

# What comes on port 2222 is a script for a shell.
_INIT = """\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
for stream in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${stream%:*} /dev/${stream#*:}; done
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t ext4 -o ro /dev/vdb /scow
modprobe virtio_net
hostname machine
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
echo up
nc -ll -p 2222 -e /bin/sh
"""
