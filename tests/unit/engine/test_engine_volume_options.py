"""Options, names, filters and plugins' places of volumes."""

import json
import socket
from pathlib import Path

import pytest

from scow.engine.volumes.claims import Claims, is_container, visitor
from scow.engine.volumes.filters import list_filter, prunes_named
from scow.engine.volumes.local_options import address_of, parse_local_options, parse_size, password_of
from scow.engine.volumes.model import VolumeRecord
from scow.engine.volumes.names import check_name, is_generated, new_name
from scow.engine.volumes.plugin_discovery import PluginFolders
from scow.engine.volumes.snapshots import split_reference
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.spec.filters import Filters


def test_options_of_a_mount_go_together() -> None:
    found = parse_local_options({"type": "nfs", "device": ":/x", "o": "addr=h,password=p"})
    assert (found.type, found.device, found.options, found.needs_mount) == (
        "nfs",
        ":/x",
        "addr=h,password=p",
        True,
    )
    assert (address_of(found.options), password_of(found.options)) == ("h", "p")
    assert (address_of("rw"), password_of("")) == ("", "")
    assert not parse_local_options({"size": "0"}).needs_mount
    for options, message in (
        ({"type": "x"}, 'missing required option: "device"'),
        ({"o": "x", "type": "y"}, 'missing required option: "device"'),
        ({"bogus": ""}, 'invalid option: "bogus"'),
        ({"size": "-1"}, "invalid size: '-1'"),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            parse_local_options(options)
        assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("7", 7), ("1k", 1024), ("1.5m", 3 << 19), ("2 GB", 2 << 30), ("1TiB", 1 << 40), ("10b", 10)],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


def test_names() -> None:
    assert is_generated(new_name())
    check_name("a.b-c_d")
    for name in ("x", "", "-a", "a/b", "a b", "ä1", "a\n", "v@s"):
        with pytest.raises(InvalidArgumentError):
            check_name(name)
    assert split_reference("volume@snap") == ("volume", "snap")
    assert split_reference("volume") == ("volume", "")


def listed(used: str = "", **filters: list[str]) -> list[str]:
    records = [
        VolumeRecord(name="web-data", labels={"a": "b"}),
        VolumeRecord(name="db", driver="far"),
    ]
    passes = list_filter(Filters(filters), lambda name: name == used)
    return [record.name for record in records if passes(record)]


def test_what_a_list_shows() -> None:
    assert listed() == ["web-data", "db"]
    assert listed(name=["^web", "nothing"]) == ["web-data"]
    assert listed(name=["("]) == listed(name=["x" * 300]) == []
    assert listed(driver=["far"]) == ["db"]
    assert listed(label=["a=b"]) == ["web-data"]
    assert listed("db", dangling=["true"]) == ["web-data"]
    assert listed("db", dangling=["0"]) == ["db"]
    for name, values in (("dangling", ["x"]), ("dangling", ["1", "0"]), ("bogus", ["x"])):
        with pytest.raises(InvalidArgumentError, match="invalid filter"):
            listed("", **{name: values})


def test_what_a_prune_is_about() -> None:
    assert prunes_named(Filters({"all": ["T"]}))
    assert not prunes_named(Filters({"all": ["f"], "label": ["x"]}))
    for wrong in ({"all": ["x"]}, {"all": ["1", "0"]}, {"until": ["1h"]}):
        with pytest.raises(InvalidArgumentError):
            prunes_named(Filters(wrong))


def test_claims_of_plugins_volumes_are_written_down(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "claims")
    claims.note("a/../b", "one")
    claims.note("plain", "two")
    assert list(Claims(tmp_path / "claims").noted()) == [("a/../b", "one"), ("plain", "two")]
    claims.strike("a/../b", "one")
    claims.strike("never", "there")
    assert list(claims.noted()) == [("plain", "two")]
    claims.add("v", "one")
    assert claims.users("v") == ["one"]
    assert [claims.discard("v", "one"), claims.discard("v", "one")] == [True, False]
    assert not is_container(visitor("copy"))
    assert is_container("f" * 64)


def test_plugins_are_found_in_order(tmp_path: Path) -> None:
    run, etc = tmp_path / "run", tmp_path / "etc"
    folders = PluginFolders((tmp_path / "missing", run), (etc,))
    assert folders.names() == []
    (run / "inner").mkdir(parents=True)
    etc.mkdir()
    held = []
    for place in (run / "flat.sock", run / "inner" / "inner.sock"):
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(place))
        held.append(sock)
    (run / "file.sock").touch()
    (etc / "net.spec").write_text("tcp://127.0.0.1:7\n")
    (etc / "flat.spec").write_text("unix:///other")
    described = {
        "Name": "real",
        "Addr": "https://h:1",
        "TLSConfig": {"CAFile": "/ca", "InsecureSkipVerify": True},
    }
    (etc / "tls.json").write_text(json.dumps(described))
    (etc / "bad.json").write_text("{")
    (etc / "odd.spec").write_text("ftp://x")
    assert folders.names() == ["bad", "flat", "inner", "net", "odd", "tls"]
    assert folders.find("flat").address == f"unix://{run}/flat.sock"
    assert folders.find("inner").address == f"unix://{run}/inner/inner.sock"
    assert folders.find("net").address == "tcp://127.0.0.1:7"
    secure = folders.find("tls")
    assert secure.tls is not None
    assert (secure.name, secure.tls.ca_file, secure.tls.insecure_skip_verify) == ("real", "/ca", True)
    for name in ("nosuch", "", "../etc/net", ".", "file"):
        with pytest.raises(NotFoundError, match=f'^plugin "{name}" not found$'):
            folders.find(name)
    for name in ("bad", "odd"):
        with pytest.raises(ScowError):
            folders.find(name)
    for sock in held:
        sock.close()
