"""Contexts in their store, and as archives."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scow.cli.contexts.archives import pack, unpack
from scow.cli.contexts.current import stored_endpoint
from scow.cli.contexts.store import ContextStore, check_name, context_names
from scow.cli.settings_file import set_current_context
from scow.errors import ConflictError, InvalidArgumentError, NotFoundError

_FAR = {"Name": "far", "Metadata": {"GODEBUG": "x"}, "Endpoints": {"docker": {"Host": "tcp://h:2376"}}}


@pytest.fixture
def store(tmp_path: Path) -> ContextStore:
    return ContextStore(str(tmp_path))


def test_what_is_put_is_found_again(store: ContextStore, tmp_path: Path) -> None:
    store.put(_FAR)
    assert store.get("far") == _FAR
    assert [it["Name"] for it in store.all()] == ["far"]
    assert context_names(str(tmp_path)) == ["default", "far"]
    store.remove("far")
    store.remove("far")
    assert store.all() == []
    with pytest.raises(NotFoundError, match=r'context "far": context not found: open .*: no such file'):
        store.get("far")


def test_keys_are_for_their_owner(store: ContextStore) -> None:
    store.put_tls("far", {"docker": {"ca.pem": b"1", "key.pem": b"2"}, "other": {"x": b"3"}})
    folder = Path(store.tls_folder("far"))
    modes = {path.relative_to(folder): path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert {str(path): mode for path, mode in modes.items()} == {
        "docker": 0o700, "docker/ca.pem": 0o600, "docker/key.pem": 0o600, "other": 0o700, "other/x": 0o600,
    }  # fmt: skip
    store.put_endpoint_tls("far", "docker", {"cert.pem": b"4"})
    assert store.tls_data("far") == {"docker": {"cert.pem": b"4"}, "other": {"x": b"3"}}
    store.put_tls("far", {})
    assert store.tls_files("far") == {}


@pytest.mark.parametrize("name", ["ab", "a1", "a-b_c.d+e", "A0"])
def test_good_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "a", "default", "a b", "-ab", "a/b", "../ab", "aé", "a\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        check_name(name)


def test_a_name_is_taken_once(store: ContextStore) -> None:
    store.check_new("far")
    store.put(_FAR)
    with pytest.raises(ConflictError, match='context "far" already exists'):
        store.check_new("far")


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_broken_file_is_told_of(store: ContextStore, tmp_path: Path, content: str) -> None:
    store.put(_FAR)
    (Path(store.meta_folder("far")) / "meta.json").write_text(content)
    with pytest.raises(InvalidArgumentError, match='context "far": parsing'):
        store.get("far")
    with pytest.raises(InvalidArgumentError, match="failed to read metadata"):
        store.all()
    assert context_names(str(tmp_path)) == ["default"]


def test_an_endpoint_has_its_contexts_keys(store: ContextStore, tmp_path: Path) -> None:
    store.put(_FAR)
    plain = stored_endpoint(str(tmp_path), "far")
    assert (plain.text, plain.tls) == ("tcp://h:2376", None)
    store.put_tls("far", {"docker": {"cert.pem": b"1", "key.pem": b"2"}})
    tls = stored_endpoint(str(tmp_path), "far").tls
    assert tls is not None
    # Without an authority of its own the system's count.
    assert (tls.ca, Path(tls.certificate).read_bytes(), tls.verify) == ("", b"1", True)
    store.put({**_FAR, "Endpoints": {"docker": {"Host": "tcp://h:2376", "SkipTLSVerify": True}}})
    tls = stored_endpoint(str(tmp_path), "far").tls
    assert tls is not None
    assert not tls.verify
    store.put({**_FAR, "Endpoints": {}})
    with pytest.raises(InvalidArgumentError, match="cannot find docker endpoint in context"):
        stored_endpoint(str(tmp_path), "far")


def test_an_archive_is_read_back_under_another_name() -> None:
    tls = {"docker": {"ca.pem": b"1"}}
    archive = pack(_FAR, tls)
    assert unpack(io.BytesIO(archive), "near") == ({**_FAR, "Name": "near"}, tls)
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        assert [(it.name, it.mode, it.uid, it.mtime) for it in file] == [
            ("meta.json", 0o644, 0, 0), ("tls", 0o700, 0, 0), ("tls/docker", 0o700, 0, 0),
            ("tls/docker/ca.pem", 0o600, 0, 0),
        ]  # fmt: skip


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_zip_is_read_too() -> None:
    archive = _zip({"meta.json": json.dumps(_FAR).encode(), "tls/": b"", "tls/docker/ca.pem": b"1"})
    assert unpack(io.BytesIO(archive), "far") == (_FAR, {"docker": {"ca.pem": b"1"}})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tls/docker/ca.pem": b""}, "invalid context: no metadata found"),
        ({"meta.json": b"{}", "else": b""}, "else: unexpected context file"),
        ({"meta.json": b"{}", "tls/../../x/y": b""}, "unexpected path format"),
        ({"meta.json": b"{}", "tls/a/../b": b""}, "unexpected path format"),
        ({"meta.json": b"{}", "tls/a/b/c": b""}, "unexpected path format"),
        ({"meta.json": b"{}", "tls/x": b""}, "archive format is invalid"),
        ({"meta.json": b"{}", "tls/a/b\\c": b""}, "unexpected"),
        ({"meta.json": b"["}, "meta.json: "),
        ({"meta.json": b"[]"}, "meta.json: not a JSON object"),
        ({"meta.json": b"{}", "tls/a/b": bytes(11 << 20)}, "read exceeds the defined limit"),
    ],
)
def test_what_an_archive_may_not_have(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        unpack(io.BytesIO(_zip(files)), "far")


@pytest.mark.parametrize(
    "pack_as", [_zip, lambda files: pack(json.loads(files["meta.json"]), {"a": {"b": b"1"}})]
)
def test_a_damaged_archive_is_refused_or_read(pack_as: Callable[[dict[str, bytes]], bytes]) -> None:
    whole = pack_as(
        {"meta.json": json.dumps({"Name": "far", "Metadata": {"Description": "x" * 400}}).encode()}
    )
    refused = 0
    for place in range(0, len(whole), 1 + len(whole) // 300):
        damaged = bytearray(whole)
        damaged[place] ^= 0x81
        try:
            unpack(io.BytesIO(damaged), "far")
        except InvalidArgumentError:
            refused += 1
    assert refused


@pytest.mark.parametrize("data", [b"no archive at all", b"PK\x03\x04 and nothing", bytes(11 << 20)])
def test_what_is_no_archive(data: bytes) -> None:
    with pytest.raises(InvalidArgumentError):
        unpack(io.BytesIO(data), "far")


def test_the_current_context_is_written_beside_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    set_current_context(str(tmp_path), "")
    assert not file.exists()
    file.write_text('{"auths": {"r": {}}, "mine": 1}')
    set_current_context(str(tmp_path), "far")
    assert json.loads(file.read_text()) == {"auths": {"r": {}}, "mine": 1, "currentContext": "far"}
    assert file.stat().st_mode & 0o777 == 0o600
    set_current_context(str(tmp_path), "")
    assert json.loads(file.read_text()) == {"auths": {"r": {}}, "mine": 1}
