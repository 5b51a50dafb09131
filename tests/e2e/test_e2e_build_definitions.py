"""Definitions of LLB, as ``buildctl`` sends them: what dockerd 26.1 makes of the same."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scow.api.grpc.status import CallError
from scow.api.server.buildkit import gateway_messages as gateway
from scow.spec.digest import sha256_of
from scow.spec.llb import (
    NOTHING,
    CacheOpt,
    Chown,
    Definition,
    ExecOp,
    FileAction,
    FileOp,
    FileRemove,
    HostIp,
    Ignored,
    Input,
    LentOpt,
    Meta,
    Mount,
    NamedUser,
    Op,
    OpMetadata,
    ProxyEnv,
    SecretEnv,
    TmpfsOpt,
    Ulimit,
    User,
)
from tests.support.buildkit_client import Frontend, Lent, Solved, drive, solve
from tests.support.daemons import Daemon
from tests.support.http_server import http_server
from tests.support.llb import (
    SCRATCH,
    State,
    copy,
    diff,
    files,
    folder,
    image,
    make,
    merge,
    remove,
    run,
    shell,
    source,
)

pytestmark = pytest.mark.root

BUSYBOX = image("busybox")
TREE = shell(
    BUSYBOX,
    "mkdir -p /t/sub/deep /t/empty /etc; echo a >/t/a.txt; echo b >/t/b.txt; echo c >/t/sub/c.txt;"
    "echo d >/t/sub/deep/d; ln -s a.txt /t/link; ln -s sub /t/linked; chmod 750 /t/sub; chown 5:6 /t/a.txt;"
    "echo one:x:7:8::/:/bin/sh >>/etc/passwd; echo many:x:9: >>/etc/group;"
    "find /t -exec touch -h -d @1000 {} +; tar cf /t/t.tar -C /t/sub c.txt deep/d",
)
"""Files to copy from."""
NOBODY = Chown(User(NamedUser("nobody here", 0)), None)
ACTIONS = {
    "make": [folder("/a/b", 0o750, parents=True), make("/a/b/f", b"x", 0o640), make("/a/b/f", b"y", 0o600)],
    "one folder": [folder("/a", 0o700), folder("/a", 0o755)],
    "no parent": [folder("/a/b")],
    "no folder": [make("/a/b", b"")],
    "owners": [
        make("/f", b"", owner=Chown(User(by_id=3), User(by_id=4))),
        folder("/d", owner=Chown(User(by_id=5))),
    ],
    "named": [make("/f", b"", owner=Chown(User(NamedUser("one", 0)), User(NamedUser("many", 0))))],
    "unknown": [copy("/t/a.txt", "/", owner=NOBODY)],
    "file": [copy("/t/a.txt", "/x")],
    "file into folder": [
        folder("/d"),
        copy("/t/a.txt", "/d"),
        copy("/t/b.txt", "/e/", create_dest_path=True),
    ],
    "no target folder": [copy("/t/a.txt", "/no/x")],
    "folder": [copy("/t/sub", "/x")],
    "folder into folder": [folder("/d"), copy("/t/sub", "/d")],
    "contents": [folder("/d"), copy("/t/sub", "/d", dir_copy_contents=True)],
    "contents of all": [copy("/t", "/", dir_copy_contents=True)],
    "pattern": [copy("/t/*.txt", "/d/", allow_wildcard=True, create_dest_path=True)],
    "pattern without matches": [copy("/t/*.no", "/", allow_wildcard=True)],
    "pattern that may be empty": [copy("/t/*.no", "/", allow_wildcard=True, allow_empty_wildcard=True)],
    "no pattern": [copy("/t/*.txt", "/")],
    "missing": [copy("/t/none", "/")],
    "link": [copy("/t/link", "/l")],
    "link followed": [copy("/t/link", "/l", follow_symlink=True)],
    "folder by a link": [copy("/t/linked/c.txt", "/c")],
    "mode and owner": [copy("/t/sub", "/x", mode=0o711, owner=Chown(User(by_id=1), User(by_id=2)))],
    "excluded": [copy("/t", "/x", exclude_patterns=("*.txt", "sub/deep"))],
    "included": [copy("/t", "/x", include_patterns=("sub/c.txt", "empty"))],
    "included not excluded": [copy("/t", "/x", include_patterns=("*.txt",), exclude_patterns=("b*",))],
    "unpacked": [copy("/t/t.tar", "/u/", attempt_unpack=True, create_dest_path=True)],
    "not unpacked": [copy("/t/a.txt", "/u", attempt_unpack=True)],
    "over a file": [make("/x", b""), copy("/t/sub", "/x", dir_copy_contents=True)],
    "removed": [
        copy("/t", "/x"),
        remove("/x/sub"),
        remove("/x/*.txt", wildcard=True),
        remove("/none", missing=True),
    ],
    "nothing to remove": [remove("/none")],
    "all removed": [remove("/")],
}
"""Actions on nothing, with TREE to copy from and for accounts."""


@pytest.mark.parametrize("name", ACTIONS)
def test_files_are_as_buildkit_makes_them(scow_daemon: Daemon, present_dockerd: Daemon, name: str) -> None:
    same(*both(scow_daemon, present_dockerd, files(SCRATCH, *ACTIONS[name], others=[TREE])))


def _plain(error: str) -> str:
    """Without names that are another every time, and without where the engine keeps its files."""
    words = [re.sub(r"\S*/overlay2/\w+/\w+", "", word) for word in error.split() if "::" not in word]
    return " ".join(words).replace("failed to calculate checksum of ref ", "").replace("lstat /no: ", "")


def same(ours: Solved, theirs: Solved) -> None:
    """Both engines came to the same, or failed for the same reason."""
    if ours.error or theirs.error:
        assert _plain(ours.error) == _plain(theirs.error)
    else:
        assert ours.tree == theirs.tree


def both(scow_daemon: Daemon, present_dockerd: Daemon, state: State, **rest: Any) -> tuple[Solved, Solved]:
    definition = state.definition()
    return solve(scow_daemon, definition, **rest), solve(present_dockerd, definition, **rest)


WRITTEN = files(SCRATCH, make("/in", b"input\n"), folder("/d"), make("/d/e", b"deep\n"))
OUT = Mount(dest="/out", output=1)
READ = Mount(dest="/r", output=NOTHING, readonly=True)
PROGRAMS = {
    "what it leaves": files(SCRATCH, copy("/o", "/"), others=[shell(BUSYBOX, "echo 1 >/o")]),
    "a mount": shell(BUSYBOX, "echo 1 >/out/f; echo lost >/lost", mounts=[(OUT, SCRATCH)]).output(1),
    "a mount of something": shell(BUSYBOX, "cat /out/in >/out/f", mounts=[(OUT, WRITTEN)]).output(1),
    "two mounts": shell(
        BUSYBOX,
        "echo 1 >/out/f; echo 2 >/o2/g",
        mounts=[(OUT, SCRATCH), (Mount(dest="/o2", output=2), WRITTEN)],
    ).output(2),
    "a part of an input": shell(
        BUSYBOX,
        "cat /r/e >/out/f; ! touch /r/x",
        mounts=[(OUT, SCRATCH), (replace(READ, selector="/d"), WRITTEN)],
    ).output(1),
    "a mount that is lost": shell(
        BUSYBOX,
        "echo 1 >/r/x; ls /r >/out/f",
        mounts=[(OUT, SCRATCH), (replace(READ, readonly=False), WRITTEN)],
    ).output(1),
    "only read": shell(
        BUSYBOX, "! touch /x 2>/dev/null && echo 1 >/out/f", mounts=[(OUT, SCRATCH)], read_only=True
    ).output(1),
    "in memory": shell(
        BUSYBOX,
        "df -k /m | tail -1 | awk '{print $2}' >/out/f",
        mounts=[
            (OUT, SCRATCH),
            (Mount(NOTHING, dest="/m", output=NOTHING, mount_type=4, tmpfs_opt=TmpfsOpt(1 << 20)), SCRATCH),
        ],
    ).output(1),
    "a cache": shell(
        BUSYBOX,
        "cat /c/in >/out/f; echo 1 >/c/g",
        mounts=[
            (OUT, SCRATCH),
            (Mount(dest="/c", output=NOTHING, mount_type=3, cache_opt=CacheOpt("llb", 2)), WRITTEN),
        ],
    ).output(1),
    "no network": shell(BUSYBOX, "ls /sys/class/net >/out/f", mounts=[(OUT, SCRATCH)], network=2).output(1),
    "a failure": shell(BUSYBOX, "exit 3"),
    "no arguments": run(BUSYBOX),
    "no root": State(Op(exec=ExecOp(Meta(args=("x",)), (Mount(NOTHING, dest="/r"),)))),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_run_as_buildkit_runs_them(
    scow_daemon: Daemon, present_dockerd: Daemon, name: str
) -> None:
    same(*both(scow_daemon, present_dockerd, PROGRAMS[name]))


def test_programs_have_the_surroundings_that_they_are_given(
    scow_daemon: Daemon, present_dockerd: Daemon
) -> None:
    script = "id -u; pwd; echo $A $HTTP_PROXY; hostname; grep far /etc/hosts; ulimit -n"
    meta = {
        "cwd": "/etc",
        "user": "1234",
        "env": ("PATH=/bin", "A=b"),
        "hostname": "llb",
        "extra_hosts": (HostIp("far", "1.2.3.4"),),
        "ulimit": (Ulimit("nofile", 100, 200),),
        "proxy_env": ProxyEnv(http_proxy="http://proxy"),
    }
    program = shell(BUSYBOX, script, meta=meta, metadata=OpMetadata(ignore_cache=True))
    ours, theirs = both(scow_daemon, present_dockerd, program, exporter="")
    assert ours.output == theirs.output
    assert ours.output.split() == ["1234", "/etc", "b", "http://proxy", "llb", "1.2.3.4", "far", "100"]


def test_an_image_of_a_graph(scow_daemon: Daemon, present_dockerd: Daemon) -> None:
    """With the config that every image has, or with one that the client gave."""
    state = files(shell(BUSYBOX, "echo 1 >/f"), make("/g", b"2"))
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["cat", "/f", "/g"], "Env": ["A=b"]}}
    for engine in (scow_daemon, present_dockerd):
        plain = solve(engine, state.definition(), "moby", {"name": "graph:plain"})
        assert not plain.error, plain.error
        given = {"name": "graph:given", "containerimage.config": json.dumps(config)}
        assert not solve(engine, state.definition(), "moby", given).error
        again = solve(engine, state.definition(), "moby", {"name": "graph:plain"})
        assert {"/bin/sh -c echo 1 >/f", "mkfile /g"} <= set(again.cached)
    for name in ("graph:plain", "graph:given"):
        ours, theirs = (
            json.loads(it.docker("image", "inspect", name).out)[0] for it in (scow_daemon, present_dockerd)
        )
        assert ours["Config"]["Env"] == theirs["Config"]["Env"]
        assert ours["Config"]["Cmd"] == theirs["Config"]["Cmd"]
        assert len(ours["RootFS"]["Layers"]) == len(theirs["RootFS"]["Layers"]) == 3
    assert scow_daemon.docker("run", "--rm", "graph:plain", "cat", "/f", "/g").out == "1\n2"


def test_stacks_are_merged_and_taken_apart(scow_daemon: Daemon) -> None:
    """As docs/dev/merge-diff.md of BuildKit says; dockerd 26.1 has neither with its own images."""
    one = shell(BUSYBOX, "echo 1 >/one; echo old >/both")
    two = shell(BUSYBOX, "echo 2 >/two; echo new >/both; rm /bin/vi")
    merged = merge(one, diff(BUSYBOX, two))
    tree = solve(scow_daemon, merged.definition()).tree
    assert [tree[name][-1] for name in ("one", "two", "both")] == [b"1\n", b"2\n", b"new\n"]
    assert "bin/vi" not in tree
    assert "bin/cat" in tree
    assert set(solve(scow_daemon, diff(BUSYBOX, one).definition()).tree) == {"one", "both"}
    compared = solve(scow_daemon, merge(one, diff(one, two)).definition()).tree
    assert "one" not in compared
    assert compared["both"][-1] == b"new\n"
    assert solve(scow_daemon, diff(one, one).definition()).tree == {}
    assert solve(scow_daemon, merge(SCRATCH, diff(SCRATCH, WRITTEN)).definition()).tree.keys() == {
        "in",
        "d",
        "d/e",
    }


def test_what_is_no_definition_is_refused(scow_daemon: Daemon, present_dockerd: Daemon) -> None:
    good = shell(BUSYBOX, "true").definition()
    removes = [FileAction(*it, rm=FileRemove("/x")) for it in ((7, -1, 0), (1, -1, 0), (0, -1, 1))]
    cases = [
        Definition(good.operations[:1]),
        Definition((*good.operations[:-1], Op().encode())),
        State(Op(exec=ExecOp()), (BUSYBOX,)).definition(),
        State(Op(file=FileOp()), (BUSYBOX,)).definition(),
        shell(BUSYBOX, "true", network=1).definition(),
        shell(BUSYBOX, "true", security=1).definition(),
        shell(BUSYBOX, "true", metadata=OpMetadata(caps={"nothing.known": True})).definition(),
        *(State(Op(file=FileOp((it,))), (BUSYBOX,)).definition() for it in removes),
    ]
    for definition in cases:
        ours, theirs = (solve(engine, definition) for engine in (scow_daemon, present_dockerd))
        assert ours.error == theirs.error != ""


def test_what_would_end_dockerd_is_refused(scow_daemon: Daemon) -> None:
    good = shell(BUSYBOX, "true").definition()
    nobody = "sha256:" + "0" * 64
    missing = Definition((good.operations[0], Op(inputs=(Input(nobody),)).encode()))
    assert solve(scow_daemon, missing).error == f"failed to load LLB: invalid missing input digest {nobody}"
    assert "failed to parse llb proto op" in solve(scow_daemon, Definition((b"\xff\xff",))).error
    for op in (Op(build=Ignored()), Op()):
        assert "kind" in solve(scow_daemon, State(op, (BUSYBOX,)).definition()).error
    assert not solve(scow_daemon, good).error


def test_a_front_end_in_the_client(scow_daemon: Daemon, present_dockerd: Daemon) -> None:
    """It asks for results, looks at their files, and says what its own is like."""
    state = files(SCRATCH, folder("/d"), make("/d/f", b"0123456789", 0o640), others=[])
    config = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"of": "test"}}}

    async def work(frontend: Frontend) -> gateway.ReturnRequest:
        asked = gateway.BridgeSolveRequest(state.definition(), evaluate=True)
        solved = await frontend.ask("Solve", asked, gateway.BridgeSolveResponse)
        ref = solved.result.ref.id if solved.result.ref else solved.result.old_ref or solved.ref
        part = gateway.ReadFileRequest(ref, "/d/f", gateway.FileRange(2, 3))
        assert (await frontend.ask("ReadFile", part, gateway.ReadFileResponse)).data == b"234"
        whole = gateway.ReadFileRequest(ref, "d/f")
        assert (await frontend.ask("ReadFile", whole, gateway.ReadFileResponse)).data == b"0123456789"
        about = await frontend.ask("StatFile", gateway.StatFileRequest(ref, "d/f"), gateway.StatFileResponse)
        assert (about.stat.path, about.stat.mode, about.stat.size) == ("f", 0o640, 10)
        listed = await frontend.ask("ReadDir", gateway.ReadDirRequest(ref, "d"), gateway.ReadDirResponse)
        assert [it.path for it in listed.entries] == ["f"]
        for kind, request, answer in (
            ("ReadFile", gateway.ReadFileRequest(ref, "none"), gateway.ReadFileResponse),
            ("StatFile", gateway.StatFileRequest(ref, "none"), gateway.StatFileResponse),
        ):
            with pytest.raises(CallError, match="none: no such file or directory"):
                await frontend.ask(kind, request, answer)
        metadata = {"containerimage.config": json.dumps(config).encode()}
        return gateway.ReturnRequest(gateway.FrontendResult(ref=gateway.Ref(ref), metadata=metadata))

    for engine in (scow_daemon, present_dockerd):
        assert not drive(engine, work, "moby", {"name": "front:end"}).error
        shown = json.loads(engine.docker("image", "inspect", "front:end").out)[0]
        assert shown["Config"]["Labels"] == {"of": "test"}


def test_folders_of_the_client_and_secrets(
    scow_daemon: Daemon, present_dockerd: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.txt").write_text("a\n")
    (tmp_path / "b.log").write_text("b\n")
    (tmp_path / "link").symlink_to("b.log")
    lent = {"files": tmp_path}, {"key": b"hidden"}
    local = source("local://files", local__excludepatterns='["none"]')
    secret = Mount(NOTHING, dest="/k", output=NOTHING, mount_type=1, secret_opt=LentOpt("key", mode=0o400))
    program = shell(
        BUSYBOX,
        "cat /k >/out/k; cat /r/sub/a.txt >>/out/k; echo $V >>/out/k; echo $NONE >>/out/k",
        mounts=[(OUT, SCRATCH), (READ, local), (secret, SCRATCH)],
        secret_env=(SecretEnv("key", "V"), SecretEnv("none", "NONE", optional=True)),
    ).output(1)
    for state in (local, files(SCRATCH, copy("/sub", "/x"), others=[local]), program):
        ours, theirs = (
            solve(engine, state.definition(), lent=Lent(*lent)) for engine in (scow_daemon, present_dockerd)
        )
        same(ours, theirs)
    missing = shell(BUSYBOX, "true", secret_env=(SecretEnv("none", "NONE"),))
    same(*both(scow_daemon, present_dockerd, missing))


def test_files_from_addresses(scow_daemon: Daemon, present_dockerd: Daemon, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("served\n")
    digest = sha256_of(b"served\n")
    address = "http://127.0.0.1:8423/f.txt"
    cases = [
        source(address),
        source(address, http__filename="g", http__perm="0640", http__uid="3", http__gid="4"),
        source(address, http__checksum=digest),
        source(address, http__checksum="sha256:" + "0" * 64),
        source("http://127.0.0.1:8423/none"),
        source("gopher://x"),
        source("nothing"),
    ]
    found = []
    for engine in (scow_daemon, present_dockerd):
        with http_server(engine.namespace, tmp_path, 8423):
            found.append([solve(engine, it.definition()) for it in cases])
    for ours, theirs in zip(*found, strict=True):
        same(ours, theirs)
