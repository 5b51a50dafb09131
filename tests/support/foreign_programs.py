"""Programs of another machine, made byte by byte, and qemu as their interpreter while a test lasts."""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.environment import cache_dir

_BASE = 0x400000
_EHDR, _PHDR = 64, 56


@dataclass(frozen=True)
class Machine:
    """``number`` is ELF's e_machine; ``qemu`` the program that runs its programs."""

    number: int
    qemu: str


AARCH64 = Machine(183, "qemu-aarch64-static")


def foreign_program(machine: Machine, text: str) -> bytes:
    """A static ELF that prints ``text`` and ends well."""
    assert machine is AARCH64, "only its instructions are known here"
    data = text.encode()

    def move(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    call = 0xD4000001  # svc #0
    after_adr = 7 * 4  # from adr to behind the last instruction
    address = 0x10000000 | (after_adr & 3) << 29 | (after_adr >> 2) << 5 | 1  # adr x1, text
    write = [move(0, 1), address, move(2, len(data)), move(8, 64), call]
    leave = [move(0, 0), move(8, 93), call]
    code = struct.pack("<8I", *write, *leave) + data
    start = _EHDR + _PHDR
    size = start + len(code)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    ehdr = head + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine.number, 1, _BASE + start, _EHDR, 0, 0, _EHDR, _PHDR, 1, 0, 0, 0
    )
    phdr = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return ehdr + phdr + code


def qemu(machine: Machine) -> Path:
    """The program out of Debian's package, which is fetched once and not installed."""
    folder = cache_dir() / "qemu-user-static"
    found = folder / machine.qemu
    if not found.exists():
        with tempfile.TemporaryDirectory(dir=cache_dir()) as work:
            subprocess.run(["apt-get", "-q", "download", "qemu-user-static"], cwd=work, check=True)
            (package,) = Path(work).glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", package, f"{work}/root"], check=True)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.move(f"{work}/root/usr/bin/{machine.qemu}", f"{found}.new")
            Path(f"{found}.new").rename(found)
    return found


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
