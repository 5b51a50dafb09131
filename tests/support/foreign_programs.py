"""Programs of other machines, made byte by byte, and qemu as their interpreter while a test lasts.

The kernel has its interpreters for all of this computer, so only one test at a time has some
(``one_at_a_time``).
"""

import fcntl
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.client_packages import installed, run
from tests.support.environment import cache_dir

_BASE = 0x400000
_EHDR, _PHDR = 64, 56
_PACKAGE = "qemu-user-static"
_PARTS = ("qemu-user", "qemu-user-binfmt")
"""What it is made of since Debian 13."""
_UNPACKED = ("aarch64", "arm", "riscv64", "s390x")
"""Machines whose interpreters are unpacked: all of them are 350 MB."""


@dataclass(frozen=True)
class Machine:
    """``number`` is ELF's e_machine; ``qemu`` the program that runs its programs."""

    number: int
    qemu: str


AARCH64 = Machine(183, "qemu-aarch64-static")
RISCV64 = Machine(243, "qemu-riscv64-static")


def foreign_program(machine: Machine, text: str) -> bytes:
    """A static ELF that prints ``text`` and ends well."""
    data = text.encode()
    instructions = _CODE[machine](len(data))
    code = struct.pack(f"<{len(instructions)}I", *instructions) + data
    start = _EHDR + _PHDR
    size = start + len(code)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    ehdr = head + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine.number, 1, _BASE + start, _EHDR, 0, 0, _EHDR, _PHDR, 1, 0, 0, 0
    )
    phdr = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return ehdr + phdr + code


def _aarch64(size: int) -> list[int]:
    """write(1, text, size), exit(0); the text comes behind the instructions."""

    def move(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    call = 0xD4000001  # svc #0
    after_adr = 7 * 4  # from adr to behind the last instruction
    address = 0x10000000 | (after_adr & 3) << 29 | (after_adr >> 2) << 5 | 1  # adr x1, text
    return [move(0, 1), address, move(2, size), move(8, 64), call, move(0, 0), move(8, 93), call]


def _riscv64(size: int) -> list[int]:
    """The same."""

    def add(register: int, source: int, value: int) -> int:
        return value << 20 | source << 15 | register << 7 | 0x13

    a0, a1, a2, a7 = 10, 11, 12, 17
    call = 0x73  # ecall
    here = 0x17 | a1 << 7  # auipc a1, 0
    write = [here, add(a1, a1, 9 * 4), add(a0, 0, 1), add(a2, 0, size), add(a7, 0, 64), call]
    return [*write, add(a0, 0, 0), add(a7, 0, 94), call]


_CODE = {AARCH64: _aarch64, RISCV64: _riscv64}


def qemu_package() -> Path:
    """A root with what Debian's package has for a few machines; it is fetched once and not installed."""
    folder = cache_dir() / f"{_PACKAGE}-2"
    installed(folder, lambda: _unpack(folder))
    return folder / "root"


def _unpack(folder: Path) -> None:
    root = folder / "root"
    root.mkdir(parents=True)
    needed = subprocess.run(["apt-cache", "depends", _PACKAGE], capture_output=True, text=True).stdout
    parts = [name for name in _PARTS if f"Depends: {name}\n" in needed]
    run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", _PACKAGE, *parts, cwd=folder)
    for package in folder.glob("*.deb"):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as packed:
            # Not every path is in every package, which tar minds.
            subprocess.run(
                ["tar", "-x", "-C", root, *_paths()], stdin=packed.stdout, stderr=subprocess.DEVNULL
            )
        package.unlink()
    for name in _UNPACKED:
        assert (root / f"usr/libexec/qemu-binfmt/{name}-binfmt-P").exists()
        assert (root / f"usr/lib/binfmt.d/qemu-{name}.conf").exists()


def _paths() -> Iterator[str]:
    for name in _UNPACKED:
        yield f"./usr/libexec/qemu-binfmt/{name}-binfmt-P"
        for program in (f"qemu-{name}", f"qemu-{name}-static"):
            yield f"./usr/bin/{program}"
        for folder in ("lib", "share/qemu"):
            yield f"./usr/{folder}/binfmt.d/qemu-{name}.conf"


def qemu(machine: Machine) -> Path:
    """The interpreter, in the cache."""
    return qemu_package() / "usr/bin" / machine.qemu


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """No other test has interpreters, or needs that there are none, within the block."""
    with open(cache_dir() / "interpreters.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def interpreter(machine: Machine) -> Iterator[None]:
    """The kernel runs programs of ``machine`` by qemu within the block: all of this computer's.

    The registration goes with the mount that it was made in, which only one process sees.
    """
    magic = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, machine.number)
    mask = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
    shown = ["".join(f"\\x{byte:02x}" for byte in it) for it in (magic, mask)]
    name = f"scow-test-{machine.qemu}"
    place = "/proc/sys/fs/binfmt_misc"
    # What is to be registered is a line, and the end of the input is the end of it all.
    script = (
        f'mount -t binfmt_misc none {place} && read -r line && printf %s "$line" >{place}/register && '
        f"echo ready && {{ read -r _; echo -1 >{place}/{name}; }}"
    )
    with subprocess.Popen(
        ["unshare", "--mount", "bash", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f":{name}:M::{shown[0]}:{shown[1]}:{qemu(machine)}:FC\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n", "no interpreter can be registered here"
        yield
