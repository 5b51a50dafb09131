"""Whose programs run here: read from what the kernel says of its interpreters."""

import struct
from pathlib import Path

from scow.build.foreign_platforms import RunnablePlatforms, platforms_here
from scow.linux.binfmt_misc import HeldRegistrations
from scow.spec.platform import Platform

HOST = Platform("linux", "amd64")


def alone(host: Platform) -> tuple[Platform, ...]:
    """A machine that runs nothing else by itself."""
    return (host,)


def elf(bits: int, order: int, machine: int) -> str:
    """The first bytes of a program."""
    kind = ">HH" if order == 2 else "<HH"
    return (b"\x7fELF" + bytes([bits, order, 1]) + bytes(9) + struct.pack(kind, 2, machine)).hex()


def registration(folder: Path, name: str, magic: str, state: str = "enabled") -> None:
    lines = (state, f"interpreter /usr/bin/{name}", "flags: OCF", "offset 0", f"magic {magic}", "mask ffff")
    (folder / name).write_text("\n".join(lines) + "\n")


def test_platforms_of_registered_interpreters(tmp_path: Path) -> None:
    registration(tmp_path, "qemu-aarch64", elf(2, 1, 183))
    registration(tmp_path, "qemu-arm", elf(1, 1, 40))
    registration(tmp_path, "qemu-s390x", elf(2, 2, 22))
    registration(tmp_path, "off", elf(2, 1, 243), state="disabled")
    registration(tmp_path, "python3", "160d0d0a")
    registration(tmp_path, "broken", "7f454c46zz")
    (tmp_path / "status").write_text("enabled\n")
    (tmp_path / "register").touch(mode=0o200)
    assert [str(it) for it in platforms_here(HOST, tmp_path, alone)] == [
        "linux/amd64",
        "linux/arm64",
        "linux/arm/v7",
        "linux/arm/v6",
        "linux/s390x",
    ]


def test_where_nothing_is_mounted(tmp_path: Path) -> None:
    assert platforms_here(HOST, tmp_path / "nowhere", alone) == (HOST,)


def test_where_all_are_switched_off(tmp_path: Path) -> None:
    registration(tmp_path, "qemu-aarch64", elf(2, 1, 183))
    (tmp_path / "status").write_text("disabled\n")
    assert platforms_here(HOST, tmp_path, alone) == (HOST,)


def test_what_is_to_be_done_about_programs_that_do_not_run(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("enabled\n")
    runnable = RunnablePlatforms(HOST, HeldRegistrations(tmp_path))
    arm = Platform("linux", "arm", "v6")
    hint = "no interpreter for programs of linux/arm/v6 is registered: scow binfmt install arm"
    assert runnable.hint(arm) == hint
    assert runnable.hint(HOST) == runnable.hint(Platform("linux", "386")) == ""
    registration(tmp_path, "qemu-arm", elf(1, 1, 40))
    assert runnable.hint(arm) == ""
