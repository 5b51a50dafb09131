"""``cp``: what the spelling of paths means, and archives in both directions."""

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scow.cli.copying.packing import pack
from scow.cli.copying.paths import CopyEnd, absolute, place, rebased, split_argument, split_entry
from scow.cli.copying.unpacking import unpack
from scow.cli.exits import CommandError


def _archive(path: Path, name: str) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(b"".join(pack(str(path), name))))


def _made(*members: tarfile.TarInfo, format: int = tarfile.PAX_FORMAT, data: bytes = b"data") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for member in members:
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode, member.mtime = kind, link, mode, 1_600_000_000
    return member


def _blocks(data: bytes, size: int = 700) -> Iterator[bytes]:
    """Cut so that nothing begins where a block does."""
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("web:/etc", ("web", "/etc")),
        ("web:", ("web", "")),
        ("web:a:b", ("web", "a:b")),
        ("/a:b", ("", "/a:b")),
        ("./a:b", ("", "./a:b")),
        ("../a:b", ("", "../a:b")),
        ("file", ("", "file")),
        ("-", ("", "-")),
    ],
)
def test_a_colon_makes_a_container_unless_the_path_is_explicit(text: str, parts: tuple[str, str]) -> None:
    assert split_argument(text) == parts


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/a/b", ("/a", "b")),
        ("/a/b/", ("/a", "b")),
        ("/a/b/.", ("/a/b", ".")),
        ("/a/../b", ("/", "b")),
        ("/", ("/", "/")),
        ("b", (".", "b")),
    ],
)
def test_a_path_is_a_directory_and_an_entry(path: str, parts: tuple[str, str]) -> None:
    assert split_entry(path) == parts


def test_endings_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = str(tmp_path)
    assert absolute("a/") == f"{here}/a/"
    assert absolute("a/.") == f"{here}/a/."
    assert absolute(".") == f"{here}/."
    assert absolute("a/../b") == f"{here}/b"
    assert absolute("/") == "/"
    assert rebased("/l/", "/t") == ("/t/", "l")
    assert rebased("/l/.", "/t") == ("/t/.", "")


_DIRECTORY = CopyEnd("/there", exists=True, is_dir=True)
_FILE = CopyEnd("/there", exists=True)


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        (CopyEnd("/s/f", exists=True), _DIRECTORY, ("/there", "f")),
        (CopyEnd("/s/f", exists=True), _FILE, ("/", "there")),
        (CopyEnd("/s/f", exists=True), CopyEnd("/new"), ("/", "new")),
        (CopyEnd("/s/f", exists=True), CopyEnd("/new/"), "no such directory"),
        (CopyEnd("/s/d", exists=True, is_dir=True), _DIRECTORY, ("/there", "d")),
        (CopyEnd("/s/d/.", exists=True, is_dir=True), _DIRECTORY, ("/there", ".")),
        (CopyEnd("/s/d", exists=True, is_dir=True), CopyEnd("/new"), ("/", "new")),
        (CopyEnd("/s/d", exists=True, is_dir=True), _FILE, "cannot copy directory"),
        (CopyEnd("/t/d", exists=True, is_dir=True, rebase_name="l"), _DIRECTORY, ("/there", "l")),
    ],
)
def test_where_a_copy_goes(source: CopyEnd, destination: CopyEnd, expected: tuple[str, str] | str) -> None:
    if isinstance(expected, str):
        with pytest.raises(CommandError, match=expected):
            place(source, destination)
    else:
        assert place(source, destination) == expected


def test_a_tree_is_packed_as_it_is(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "file").write_bytes(b"x" * 1000)
    (tree / "file").chmod(0o4755)
    (tree / "empty").touch()
    (tree / "link").symlink_to("/nowhere/" + "far/" * 40)
    (tree / "same").hardlink_to(tree / "file")
    (tree / "sub" / ("long" * 50)).write_text("long")
    (tree / "ünï\udcff").write_text("bytes that are no text")
    (tree / "big").write_bytes(os.urandom(3_000_001))
    os.mkfifo(tree / "fifo")
    os.utime(tree / "file", (1, 1_500_000_000))
    with _archive(tree, "new") as archive:
        found = {member.name: member for member in archive}
        assert set(found) == {
            *("new", "new/file", "new/empty", "new/link", "new/same", "new/sub", "new/fifo", "new/big"),
            *(f"new/sub/{'long' * 50}", "new/ünï\udcff"),
        }
        assert found["new/file"].mode == 0o4755
        assert found["new/file"].mtime == 1_500_000_000
        assert (found["new/same"].type, found["new/same"].linkname) == (tarfile.LNKTYPE, "new/file")
        assert found["new/link"].linkname == "/nowhere/" + "far/" * 40
        assert found["new/fifo"].isfifo()
        extracted = archive.extractfile("new/big")
        assert extracted is not None
        assert extracted.read() == (tree / "big").read_bytes()


def test_what_cannot_be_read_ends_the_packing(tmp_path: Path) -> None:
    blocks = pack(str(tmp_path / "nope"), "x")
    with pytest.raises(FileNotFoundError):
        next(blocks)


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_every_kind_are_unpacked(format: int, tmp_path: Path) -> None:
    long = "n" * (60 if format == tarfile.USTAR_FORMAT else 220)
    data = _made(
        _member("old", tarfile.DIRTYPE, mode=0o750),
        _member("old/file", mode=0o640),
        _member(f"old/deep/er/{long}"),
        _member("old/link", tarfile.SYMTYPE, "file"),
        _member("old/same", tarfile.LNKTYPE, "old/file"),
        format=format,
    )
    unpack(_blocks(data), str(tmp_path), "old", "new")
    new = tmp_path / "new"
    assert (new / "file").read_bytes() == b"data"
    assert (new / "file").stat().st_mode & 0o7777 == 0o640
    assert new.stat().st_mode & 0o7777 == 0o750
    assert new.stat().st_mtime == 1_600_000_000
    assert (new / "deep" / "er" / long).read_bytes() == b"data"
    assert os.readlink(new / "link") == "file"
    assert (new / "same").samefile(new / "file")


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    for number in range(30):
        (tree / "a" / f"f{number}").write_bytes(os.urandom(number * 331))
    (tmp_path / "out").mkdir()
    unpack(pack(str(tree), "tree"), str(tmp_path / "out"), "tree", "tree")
    for path in tree.rglob("*"):
        copy = tmp_path / "out" / path.relative_to(tmp_path)
        assert copy.is_dir() if path.is_dir() else copy.read_bytes() == path.read_bytes()


def _through_its_own_link(root: Path) -> bytes:
    return _made(_member("d", tarfile.SYMTYPE, str(root / "outside")), _member("d/x"))


def _through_a_link_that_was_there(root: Path) -> bytes:
    (root / "in" / "d").symlink_to(root / "outside")
    return _made(_member("d/x"))


def _hard_link_through_a_link(root: Path) -> bytes:
    return _made(
        _member("d", tarfile.SYMTYPE, str(root / "outside")), _member("x", tarfile.LNKTYPE, "d/secret")
    )


def _upwards(root: Path) -> bytes:
    return _made(_member("../outside/x"))


def _hard_link_upwards(root: Path) -> bytes:
    return _made(_member("x", tarfile.LNKTYPE, "../outside/secret"))


@pytest.mark.parametrize(
    "hostile",
    [
        _through_its_own_link,
        _through_a_link_that_was_there,
        _hard_link_through_a_link,
        _upwards,
        _hard_link_upwards,
    ],
)
def test_nothing_leads_out_of_the_directory(hostile: Callable[[Path], bytes], tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    (tmp_path / "in").mkdir()
    with pytest.raises(CommandError):
        unpack(_blocks(hostile(tmp_path)), str(tmp_path / "in"), "a", "a")
    assert os.listdir(tmp_path / "outside") == ["secret"]
    assert not (tmp_path / "in" / "x").exists()


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x").symlink_to(tmp_path / "target")
    unpack(_blocks(_made(_member("x"))), str(tmp_path / "in"), "x", "x")
    assert (tmp_path / "target").read_text() == "old"
    assert (tmp_path / "in" / "x").read_text() == "data"
    assert not (tmp_path / "in" / "x").is_symlink()


def test_directories_and_files_do_not_replace_one_another(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").touch()
    with pytest.raises(CommandError, match=r'cannot overwrite directory .*/d" with non-directory'):
        unpack(_blocks(_made(_member("d"))), str(tmp_path), "d", "d")
    with pytest.raises(CommandError, match=r'cannot overwrite non-directory .*/f" with directory'):
        unpack(_blocks(_made(_member("f", tarfile.DIRTYPE))), str(tmp_path), "f", "f")


@pytest.mark.parametrize("cut", [100, 512, 600, 1300])
def test_a_cut_archive_is_an_error(cut: int, tmp_path: Path) -> None:
    data = _made(_member("x"), data=b"y" * 2000)[:cut]
    if cut == 512:
        data += b"y" * 100
    with pytest.raises(CommandError, match=r"unexpected EOF|invalid tar header"):
        unpack(_blocks(data), str(tmp_path), "x", "x")


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 2048, b"x" * 512, b"5 a=b\n" * 200, bytes(100) + b"\x80" * 412],
)
def test_what_is_no_archive_is_an_error(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="invalid tar header"):
        unpack(_blocks(data), str(tmp_path), "x", "x")


def test_headers_that_claim_too_much_are_refused(tmp_path: Path) -> None:
    member = _member("x")
    member.pax_headers = {"comment": "y" * 2_000_000}
    with pytest.raises(CommandError, match="header field too long"):
        unpack(_blocks(_made(member), 65536), str(tmp_path), "x", "x")
    for record in ("99999 path=x\n", "path=x\n", "7 path=\n", "9 sizeabc\n", "12 size=-100\n"):
        extension = tarfile.TarInfo("p")
        extension.type = tarfile.XHDTYPE
        extension.size = len(record)
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            archive.addfile(extension, io.BytesIO(record.encode()))
            archive.addfile(_member("x"))
        with pytest.raises(CommandError):
            unpack(_blocks(out.getvalue()), str(tmp_path), "x", "x")
