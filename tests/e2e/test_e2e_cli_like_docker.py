"""``scow`` prints what ``docker`` prints, on the same engine, byte for byte, with the same exit code.

Only for what has its like in Docker's command line; what the engine does is tested elsewhere.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.environment import program

_READING = r"""
ps
ps -a --no-trunc
ps -as --format json
ps --format 'table {{.Names}}\t{{.State}}\t{{.Ports}}\t{{.Size}}\t{{.Labels}}\t{{.Mounts}}\t{{.Networks}}'
ps --format '{{.Label "a"}} {{.Names | upper}} {{printf "%-10s|" .Names}}{{slice .ID 0 3}}'
ps --format 'table {{.Label "com.example.foo-bar"}}\t{{.Names}}'
ps --format raw
ps --format '{{.Nope}}'
ps --format '{{'
ps --filter name=web --filter label=a=b
ps --filter nope=x
ps --filter exited=3 -aq
ps -l
container list -n 2 --format '{{json .}}'
images busybox
images --digests --no-trunc busybox
images -q
images nope
network ls
network ls --no-trunc --format '{{json .}}'
volume ls
volume ls --format json
volume inspect data nope
history busybox
history -H=false --format json busybox
inspect nope
inspect web -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}} {{.LogPath}}'
inspect web -f '{{.State.Health.Status}}'
inspect web -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{"\n"}}{{end}}'
inspect web -f '{{json .NetworkSettings.Ports}} {{json .Config.Env}} {{json .Mounts}}'
inspect web -f '{{.Config.Cmd}} {{.Config.Entrypoint}} {{.GraphDriver.Name}}'
inspect web -f '{{range $p, $c := .NetworkSettings.Ports}}{{$p}} {{(index $c 0).HostPort}}{{end}}'
inspect busybox -f '{{index .RepoDigests 0}}'
inspect web -f '{{.Nope.Foo}}'
inspect --type image web
inspect --size web -f '{{.SizeRw}}'
network inspect bridge -f '{{.Driver}} {{json .Internal}}'
port web
port web 80
top done
top web -o %mem
logs done
logs --tail 1 -t done
diff done
diff web
wait done
wait nope done
exec done true
exec nope true
exec web sh -c 'echo out; echo err >&2; exit 7'
exec -e A=1 -w /tmp -u 1:1 web sh -c 'echo $A; pwd; id -u'
attach done
kill done
rm web
rm -f nope
rmi nope
rename web done
tag nope x
export nope
commit nope x
cp nope:/x .
cp web:/nope .
cp web:/etc/passwd /nope/x
cp /nope web:/
update nope
update --memory 1 web
stats --no-stream nope
stats --no-stream --format '{{json .}}' done
stats --no-stream --no-trunc --format 'table {{.Name}}\t{{.ID}}' web
system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
system df --format '{{.Nope}}'
system df -v --format '{{range .Containers}}{{.Names}} {{.Size}}{{"\n"}}{{end}}'
system prune
image prune -a
volume rm data
volume create --name x y
events --since 1h --until 0s --filter event=start --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}'
events --since nope
version --format '{{.Server.Version}} {{.Server.APIVersion}}'
info --format '{{.Driver}} {{.NCPU}}'
run --rm busybox sh -c 'echo out; exit 5'
run --rm busybox /etc/passwd
run --rm busybox sh -c 'kill -9 $$'
run --rm --platform foo/bar/baz/x busybox
run --rm --pull never nosuchimage
run --rm INVALID
run --rm -it busybox
run --rm --mount type=bind,source=/nope,target=/x busybox
run --rm --memory 1k busybox
run --name web busybox
run --rm --network container:nope busybox
run --rm --dns 127.0.0.1 busybox true
"""
_COPIES = """
cp f box:/w/
cp f box:/w/new/
cp f box:/w/file
cp f box:/w/flink
cp f box:/w/dlink
cp d box:/w/new
cp d/. box:/w/dir
cp d box:/w/file
cp lnk box:/w/
cp dlnk/. box:/w/new
cp -L dlnk box:/w/new
cp -a d box:/w/
cp box:/w/file o/n
cp box:/w/file o/n/
cp box:/w/file o/old
cp box:/w/file o/elink
cp box:/w/dir o/n
cp box:/w/dir/. o/exist
cp box:/w/dir o/old
cp box:/w/flink o
cp -L box:/w/dlink o/n
cp box:/w o
cp --quiet=false d box:/w/new
"""
_PREPARE = (
    "mkdir -p /w/dir/in /w/empty; echo a >/w/file; chmod 4755 /w/file; touch -d 2020-01-01 /w/file; "
    "ln -s file /w/flink; ln -s dir /w/dlink; ln -s /nope /w/broken; echo b >/w/dir/in/b; "
    "ln /w/dir/in/b /w/dir/hard; mknod /w/fifo p; chown -R 5:6 /w/empty"
)
_LIST = 'cd %s; find . | sort | while read f; do stat -c "%%n %%F %%a %%u:%%g %%s %%N" "$f"; done'


@pytest.fixture
def ours(tmp_path: Path) -> str:
    """``scow`` by the name of docker, so that messages are the same."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").symlink_to(program("scow"))
    return str(tmp_path / "bin" / "docker")


def _run(engine: Daemon, command: str, line: str, folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        engine.namespace.command(command, *shlex.split(line)),
        env=engine.client("docker").env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, _without_chance(done.stdout), _without_chance(done.stderr)


def _without_chance(text: str) -> str:
    """Ages differ from one call to the next; docker logs that it could not go on after an error."""
    text = re.sub(r'^time=".*level=error msg="Can.t (add file|close tar).*\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"(Less than |About )?\b(a|an|\d+) (second|minute|hour)s?( ago)?", "AGE", text)
    return re.sub(r" {2,}", "  ", text)


def test_every_reading_command_prints_what_dockers_prints(
    scow_daemon: Daemon, ours: str, tmp_path: Path
) -> None:
    docker = scow_daemon.client("docker")
    labels = ("--label", "a=b", "--label", "com.example.foo-bar=1")
    docker.start("--name", "web", "-p", "8080:80", "-v", "data:/data", *labels, "busybox", "sleep", "1000")
    docker("run", "--name", "done", "busybox", "sh", "-c", "echo said; rm /etc/group; exit 3", code=3)
    wrong = []
    for line in filter(None, _READING.splitlines()):
        theirs, mine = (_run(scow_daemon, command, line, tmp_path) for command in ("docker", ours))
        if theirs != mine:
            wrong.append(f"{line}\n  docker: {theirs}\n  scow:   {mine}")
    docker("rm", "-fv", "web", "done")
    docker("volume", "rm", "data")
    assert not wrong, "\n".join(wrong)


def test_every_copy_does_what_dockers_does(scow_daemon: Daemon, ours: str, tmp_path: Path) -> None:
    docker = scow_daemon.client("docker")
    _make_sources(tmp_path)
    docker.start("--name", "box", "busybox", "sleep", "1000")
    wrong = []
    for line in filter(None, _COPIES.splitlines()):
        results = []
        for command in ("docker", ours):
            docker("exec", "box", "sh", "-c", f"rm -rf /w; {_PREPARE}")
            _make_destination(tmp_path)
            result = _run(scow_daemon, command, line, tmp_path)
            there = docker("exec", "box", "sh", "-c", _LIST % "/w").out
            here = subprocess.check_output(["sh", "-c", _LIST % shlex.quote(str(tmp_path / "o"))], text=True)
            results.append((*result, there, here))
        if results[0] != results[1]:
            wrong.append(f"{line}\n  docker: {results[0]}\n  scow:   {results[1]}")
    assert not wrong, "\n".join(wrong)


def _make_sources(folder: Path) -> None:
    (folder / "d" / "sub").mkdir(parents=True)
    (folder / "f").write_text("hi")
    (folder / "d" / "x").write_text("x" * 600)
    (folder / "d" / "hard").hardlink_to(folder / "d" / "x")
    (folder / "d" / "sub" / ("long" * 40)).write_text("y")
    os.chown(folder / "d" / "sub", 1000, 1000)
    (folder / "lnk").symlink_to("f")
    (folder / "dlnk").symlink_to("d")


def _make_destination(folder: Path) -> None:
    subprocess.run(["rm", "-rf", str(folder / "o")], check=True)
    (folder / "o" / "exist" / "in").mkdir(parents=True)
    (folder / "o" / "old").write_text("old")
    (folder / "o" / "elink").symlink_to("exist")


def test_statistics_are_shown_anew_and_containers_come_and_go(scow_daemon: Daemon) -> None:
    client = scow_daemon.client("scow")
    client.start("--name", "first", "busybox", "sleep", "1000")
    with client.terminal("stats") as terminal:
        terminal.expect(
            r"\x1b\[HCONTAINER ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS"
        )
        terminal.expect(r"first +\d+\.\d\d% +[\d.]+\wiB / [\d.]+GiB +\d")
        client.start("--name", "second", "busybox", "sleep", "1000")
        terminal.expect(r"second +\d+\.\d\d%")
        client("kill", "second")
        terminal.expect(r"\x1b\[HCONTAINER ID[^\x1b]*\x1b\[K\r\n\S+ +first[^\x1b]*\x1b\[K\r\n\x1b\[J")
        terminal.type("\x03")
        assert terminal.wait() == 130


def test_a_copy_on_a_terminal_says_how_much_it_was(scow_daemon: Daemon, tmp_path: Path) -> None:
    client = scow_daemon.client("scow")
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    container = client.start("busybox", "sleep", "1000")
    with client.terminal("cp", str(tmp_path / "file"), f"{container}:/there") as terminal:
        terminal.expect(rf"Successfully copied 102kB to {container}:/there")
        assert terminal.wait() == 0
    assert "Copying to container - " in terminal.output
    with client.terminal("cp", f"{container}:/there", str(tmp_path / "back")) as terminal:
        terminal.expect(rf"Successfully copied 102kB to {tmp_path}/back")
        assert terminal.wait() == 0
    assert terminal.output.count("\x1b[?25l") == terminal.output.count("\x1b[?25h") == 1
    with client.terminal("export", container) as terminal:
        terminal.expect("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        assert terminal.wait() == 1
