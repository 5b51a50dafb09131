"""Contexts with files of every kind that there is, by every door, and as dockerd 26.1 has them."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from tests.support.buildkit_client import tree_of
from tests.support.builds import scow_build
from tests.support.buildx import Buildx
from tests.support.daemons import Daemon

pytestmark = pytest.mark.root

_CAPABILITY = bytes.fromhex("01000002" + "0004000000000000" + "0000000000000000")
"""cap_net_bind_service, effective and permitted: ``struct vfs_cap_data`` of linux/capability.h."""
DOCKERFILE = """FROM busybox AS copied
COPY odd /odd
RUN find /odd -print0 | sort -z | xargs -0 stat -c '%N %a %F %s %h %t:%T' >/seen
FROM scratch
COPY --from=copied /odd /odd
COPY --from=copied /seen /seen
"""


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A context; its odd files are what dockerd and scow make the same of."""
    context = tmp_path / "context"
    folder = context / "odd"
    (folder / "d").mkdir(parents=True)
    (context / "Dockerfile").write_text(DOCKERFILE)
    for name in (
        b"latin\xe9",
        b"new\nline",
        b"back\\slash",
        b"x" * 255,
        b".wh.gone",
        b"d/.wh..wh..opq",
        b" ",
    ):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(name[:9])
    os.mkdir(os.fsencode(folder) + b"/folder\xff\xfe")
    Path(os.fsdecode(os.fsencode(folder) + b"/folder\xff\xfe/in")).write_text("in")
    os.mkfifo(folder / "pipe", 0o640)
    os.mknod(folder / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (folder / "one").write_text("hard")
    os.link(folder / "one", folder / "two")
    (folder / "setuid").write_text("s")
    os.chmod(folder / "setuid", 0o4755)
    with open(folder / "holes", "wb") as file:
        file.seek(8 << 20)
        file.write(b"end")
    for link, target in (("out", "../../../etc/passwd"), ("absolute", "/etc/passwd"), ("loop", "loop")):
        (folder / link).symlink_to(target)
    return context


@pytest.fixture
def build(buildkit_engine: Daemon, odd: Path) -> Buildx:
    return Buildx(buildkit_engine, odd)


def expected(odd: Path) -> dict[str, tuple[int, bytes]]:
    """Kind and mode, and content or target, of everything."""
    found = {}
    for path in [odd / "odd", *(odd / "odd").rglob("*")]:
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found[str(path.relative_to(odd))] = (mode if not stat.S_ISLNK(mode) else stat.S_IFLNK, content)
    return found


_KINDS = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.LNKTYPE: stat.S_IFREG,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}


def built(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """The same of a result; a hard link has the content of what it is a link to."""
    found: dict[str, tuple[int, bytes]] = {}
    for name, (kind, mode, _, _, link, content) in tree_of(archive).items():
        if kind == tarfile.SYMTYPE:
            found[name] = (stat.S_IFLNK, os.fsencode(link))
        else:
            data = found[link][1] if kind == tarfile.LNKTYPE else content
            found[name] = (_KINDS[kind] | mode, data)
    return found


def check(archive: bytes, odd: Path) -> None:
    found = built(archive)
    seen = found.pop("seen")[1].decode(errors="surrogateescape")
    assert found == expected(odd)
    assert seen.count("\n") == len(found) + 1  # one name has a newline
    assert "regular file 4 2" in seen  # both names of the file are still one file


def test_the_real_buildx_sends_them_all(build: Buildx, odd: Path, tmp_path: Path) -> None:
    build("-o", f"type=tar,dest={tmp_path}/out.tar")
    check((tmp_path / "out.tar").read_bytes(), odd)
    build("-o", f"type=local,dest={tmp_path}/folder")
    names = {os.path.relpath(path, tmp_path / "folder") for path in (tmp_path / "folder").rglob("*")}
    assert names == expected(odd).keys() | {"seen"}


def test_scow_build_reads_them_in_place(scow_daemon: Daemon, odd: Path, tmp_path: Path) -> None:
    scow_build(scow_daemon, "-o", f"type=tar,dest={tmp_path}/out.tar", str(odd))
    check((tmp_path / "out.tar").read_bytes(), odd)


def test_the_classic_builder_gets_them_in_a_tar(scow_daemon: Daemon, odd: Path, tmp_path: Path) -> None:
    scow_daemon.docker("build", "-t", "odd", str(odd))
    ident = scow_daemon.docker("create", "odd", "none").out.strip()
    scow_daemon.docker("export", "-o", str(tmp_path / "out.tar"), ident)
    archive = (tmp_path / "out.tar").read_bytes()
    kept = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar, tarfile.open(fileobj=kept, mode="w") as only:
        for entry in tar:
            if entry.name.split("/")[0] in ("odd", "seen"):
                only.addfile(entry, tar.extractfile(entry) if entry.isreg() else None)
    scow_daemon.remove_containers()
    check(kept.getvalue(), odd)


def archive_with_capability() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("program")
        info.mode, info.size = 0o755, 1
        info.pax_headers = {"SCHILY.xattr.security.capability": _CAPABILITY.decode()}
        tar.addfile(info, io.BytesIO(b"x"))
        info = tarfile.TarInfo(".wh.busybox")
        tar.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize("door", ["buildx", "scow"])
def test_capabilities_of_files_come_along_and_names_of_whiteouts_are_names(
    scow_daemon: Daemon, tmp_path: Path, door: str
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "a.tar").write_bytes(archive_with_capability())
    (context / "Dockerfile").write_text(
        "FROM busybox AS one\nADD a.tar /bin/\n"
        "FROM scratch\nCOPY --from=one /bin/program /bin/.wh.busybox /\n"
    )
    args = ("-o", f"type=tar,dest={tmp_path}/out.tar")
    if door == "buildx":
        Buildx(scow_daemon, context)(*args)
    else:
        scow_build(scow_daemon, *args, str(context))
    with tarfile.open(tmp_path / "out.tar") as tar:
        headers = {it.name: it.pax_headers for it in tar}
    assert headers["program"]["SCHILY.xattr.security.capability"].encode() == _CAPABILITY
    assert ".wh.busybox" in headers
