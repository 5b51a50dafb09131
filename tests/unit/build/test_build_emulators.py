"""Interpreters of other machines' programs: read from packages, chosen by words, planned, registered.

The kernel's files are stood in for by a folder; the real ones are in the e2e tests.
"""

import errno
import os
from pathlib import Path

import pytest

from scow.build.emulators.choosing import choose, choose_registered
from scow.build.emulators.offered import Interpreter, offered, parse_line
from scow.build.emulators.plan import Plan, plan_of
from scow.build.emulators.service import EmulatorService
from scow.errors import ConflictError, NotFoundError, PermissionDeniedError, ScowError, UnsupportedError
from scow.linux import binfmt_misc
from scow.linux.binfmt_misc import HeldRegistrations, Registration
from scow.spec.engine_api.binfmt import EmulatorsWanted
from scow.spec.platform import Platform
from tests.unit.api.api_wire import runs

HOST = Platform("linux", "amd64")
# As Debian 12 has them.
AARCH64 = (
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    ":/usr/libexec/qemu-binfmt/aarch64-binfmt-P:OPF"
)
ARM = AARCH64.replace("aarch64", "arm").replace(r"ELF\x02", r"ELF\x01").replace(r"\xb7", r"\x28")
CRIS = AARCH64.replace("aarch64", "cris").replace(r"ELF\x02", r"ELF\x01").replace(r"\xb7", r"\x4c")
X86_64 = AARCH64.replace("aarch64", "x86_64").replace(r"\xb7", r"\x3e")


def interpreter(line: str) -> Interpreter:
    found = parse_line(line)
    assert found
    return found


def registered(line: str, **other: object) -> Registration:
    wanted = interpreter(line)
    fields = {
        "name": wanted.name, "enabled": True, "interpreter": wanted.program, "flags": "POF",
        "magic": wanted.magic, "mask": wanted.mask,
    }  # fmt: skip
    return Registration(**(fields | other))  # type: ignore[arg-type]


def test_a_line_is_read_and_made_fit_for_containers() -> None:
    found = interpreter(AARCH64)
    assert (found.name, found.machine) == ("qemu-aarch64", "aarch64")
    assert found.program == "/usr/libexec/qemu-binfmt/aarch64-binfmt-P"
    assert found.magic == b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00"
    assert found.mask == b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
    assert found.architectures == (("arm64", ""),)
    assert found.line == AARCH64
    assert interpreter(AARCH64.removesuffix("F")).line == AARCH64
    assert interpreter(AARCH64.replace(":", "|")).program == found.program


@pytest.mark.parametrize("line", ["", ":", ":jar:E::jar::/usr/bin/jexec:", "qemu", ":a:M::\\x7f:/usr/bin/a"])
def test_other_lines_are_no_interpreters(line: str) -> None:
    assert parse_line(line) is None


def test_an_administrators_file_hides_the_packages(tmp_path: Path) -> None:
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    etc.mkdir()
    usr.mkdir()
    (usr / "qemu-aarch64.conf").write_text(f"# of a package\n{AARCH64}\n")
    (usr / "qemu-arm.conf").write_text(ARM)
    (usr / "qemu-cris.conf").write_text(f"; nothing\n\n{CRIS}")
    (usr / "jar.conf").write_text(":jar:E::jar::/usr/bin/jexec:\n")
    (etc / "qemu-arm.conf").symlink_to("/dev/null")
    (etc / "qemu-cris.conf").write_text(CRIS.replace("/usr/libexec", "/opt"))
    found = offered([etc, tmp_path / "nowhere", usr])
    assert [(it.name, it.program.split("/")[1]) for it in found] == [
        ("qemu-aarch64", "usr"),
        ("qemu-cris", "opt"),
    ]


@pytest.mark.parametrize(
    ("words", "chosen", "natives"),
    [
        ([], ["qemu-aarch64", "qemu-arm", "qemu-cris"], []),
        (["all"], ["qemu-aarch64", "qemu-arm", "qemu-cris"], []),
        (["arm64"], ["qemu-aarch64"], []),
        (["linux/arm64/v8", "aarch64", "qemu-aarch64"], ["qemu-aarch64"], []),
        (["linux/arm/v6", "cris"], ["qemu-arm", "qemu-cris"], []),
        (["amd64", "arm64", "x86_64", "386"], ["qemu-aarch64"], ["amd64", "x86_64", "386"]),
    ],
)
def test_what_words_mean(words: list[str], chosen: list[str], natives: list[str]) -> None:
    there = [interpreter(it) for it in (AARCH64, ARM, CRIS, X86_64)]
    found, own = choose(words, there, HOST)
    assert ([it.name for it in found], own) == (chosen, natives)


@pytest.mark.parametrize("word", ["arm46", "windows/arm64", "linux", "", "riscv64", "Qemu-Arm", "../status"])
def test_what_there_is_is_told_to_who_wants_something_else(word: str) -> None:
    there = [interpreter(it) for it in (AARCH64, ARM, CRIS)]
    with pytest.raises(NotFoundError) as caught:
        choose(["arm64", word], there, HOST)
    assert caught.value.message == (
        f'no interpreter for "{word}" on the engine\'s machine; there are: arm64, arm, cris'
    )


def test_without_the_package_its_name_is_told() -> None:
    with pytest.raises(NotFoundError, match="apt-get install qemu-user-static"):
        choose([], [], HOST)


def test_what_is_taken_back() -> None:
    python = Registration("python3.11", True, "/usr/bin/python3.11", "", b"\xa7\x0d\x0d\x0a", b"")
    rosetta = registered(X86_64, name="rosetta")
    known = [python, registered(AARCH64), registered(ARM), rosetta]
    assert [it.name for it in choose_registered(["all"], known)] == ["qemu-aarch64", "qemu-arm"]
    assert [it.name for it in choose_registered(["amd64", "arm"], known)] == ["rosetta", "qemu-arm"]
    with pytest.raises(NotFoundError, match=r'for "python3\.11", "s390x" is registered; there'):
        choose_registered(["python3.11", "s390x", "arm"], known)
    with pytest.raises(NotFoundError, match=r'no interpreter for "arm" is registered$'):
        choose_registered(["arm"], [python])


OTHER = {"interpreter": "/usr/bin/qemu-aarch64"}


@pytest.mark.parametrize(
    ("known", "plan"),
    [
        ([], Plan("register", "registered")),
        ([registered(ARM)], Plan("register", "registered")),
        ([registered(AARCH64)], Plan("leave", "already registered")),
        ([registered(AARCH64, enabled=False)], Plan("enable", "enabled")),
        (
            [registered(AARCH64, **OTHER)],
            Plan("leave", "left as it is: /usr/bin/qemu-aarch64 is registered; --force replaces it"),
        ),
        (
            [registered(AARCH64, name="mine", flags="")],
            Plan(
                "leave",
                "left as it is: /usr/libexec/qemu-binfmt/aarch64-binfmt-P is registered as mine without the "
                "flag F, so not for containers; --force replaces it",
            ),
        ),
        (
            [registered(AARCH64, enabled=False, **OTHER)],
            Plan(
                "leave",
                "left as it is: /usr/bin/qemu-aarch64 is registered, but disabled; --force replaces it",
            ),
        ),
    ],
)
def test_what_registering_comes_to(known: list[Registration], plan: Plan) -> None:
    assert plan_of(interpreter(AARCH64), known, force=False) == plan


def test_force_replaces_every_rival() -> None:
    rivals = (registered(AARCH64, **OTHER), registered(AARCH64, name="mine", interpreter="/opt/fast"))
    found = plan_of(interpreter(AARCH64), [registered(ARM), *rivals], force=True)
    assert found == Plan("register", "replaced /usr/bin/qemu-aarch64, /opt/fast", rivals)
    assert plan_of(interpreter(AARCH64), [registered(AARCH64)], force=True).action == "leave"


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    folder = tmp_path / "binfmt_misc"
    folder.mkdir()
    (folder / "status").write_text("enabled\n")
    (folder / "register").touch()
    return folder


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "binfmt.d"
    folder.mkdir()
    (tmp_path / "qemu").touch()
    for name, line in (("aarch64", AARCH64), ("arm", ARM)):
        text = line.replace(f"/usr/libexec/qemu-binfmt/{name}-binfmt-P", f"{tmp_path}/qemu")
        (folder / f"qemu-{name}.conf").write_text(text)
    return folder


@runs
async def test_lines_reach_the_kernel(kernel: Path, packages: Path) -> None:
    service = EmulatorService(HOST, HeldRegistrations(kernel), [packages])
    listed = await service.list()
    assert [(it.name, it.platforms, it.status) for it in listed.emulators] == [
        ("qemu-aarch64", ["linux/arm64"], "available"),
        ("qemu-arm", ["linux/arm/v7", "linux/arm/v6"], "available"),
    ]
    done = await service.install(EmulatorsWanted(architectures=["arm64", "amd64"]))
    assert [(it.name, it.outcome) for it in done.changes] == [
        ("amd64", "runs here without"),
        ("qemu-aarch64", "registered"),
    ]
    assert (kernel / "register").read_text() == (packages / "qemu-aarch64.conf").read_text()


@runs
async def test_an_interpreter_that_is_gone_is_a_failure_and_the_others_go_on(
    kernel: Path, packages: Path, tmp_path: Path
) -> None:
    (packages / "qemu-aarch64.conf").write_text(AARCH64.replace("/usr/libexec", f"{tmp_path}/nowhere"))
    done = await EmulatorService(HOST, HeldRegistrations(kernel), [packages]).install(EmulatorsWanted())
    gone, good = done.changes
    assert (gone.failed, good.failed, good.outcome) == (True, False, "registered")
    assert gone.outcome.startswith(f"failed: {tmp_path}/nowhere/")
    assert gone.outcome.endswith(": no such file or directory")


@runs
async def test_what_an_administrator_switched_off_stays_off(kernel: Path, packages: Path) -> None:
    (kernel / "status").write_text("disabled\n")
    service = EmulatorService(HOST, HeldRegistrations(kernel), [packages])
    with pytest.raises(ConflictError, match="switched off"):
        await service.install(EmulatorsWanted())
    assert (await service.list()).switched_off
    assert (kernel / "register").read_text() == ""


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (errno.EPERM, PermissionDeniedError, "an engine in a container may not"),
        (errno.ENODEV, UnsupportedError, "has no binfmt_misc: no such device"),
        (errno.EBUSY, ScowError, "cannot be used at .*: device or resource busy"),
    ],
)
@runs
async def test_where_it_cannot_be_mounted(
    number: int, error: type[ScowError], words: str, tmp_path: Path, packages: Path
) -> None:
    service = EmulatorService(HOST, HeldRegistrations(tmp_path / "nowhere"), [packages])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binfmt_misc, "mount", Refusal(number))
        with pytest.raises(error, match=words):
            await service.install(EmulatorsWanted())


class Refusal:
    """A mount(2) that fails."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, *args: object, **options: object) -> None:
        raise OSError(self._number, os.strerror(self._number))
