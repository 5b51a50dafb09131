"""``docker buildx build``, the real one, on scowd and on the BuildKit of a younger dockerd."""

import io
import json
import os
import platform
import re
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from scow.build.own_platforms import own_platforms
from scow.spec.platform import host_platform
from tests.support.buildx import Buildx, Done
from tests.support.daemons import Daemon
from tests.support.images import debian_archive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root


def test_an_image_is_built_and_built_again_from_the_cache(build: Buildx) -> None:
    build.write(
        "Dockerfile", "FROM busybox\nRUN echo hello >/greeting\nCOPY a.txt /a\nCMD cat /greeting /a\n"
    )
    build.write("a.txt", "from the context\n")
    first = build("-t", "built:1", "-t", "built:two").stderr
    assert "[2/3] RUN echo hello >/greeting" in first
    assert "naming to docker.io/library/built:1" in first
    assert build.run("built:two") == "hello\nfrom the context\n"
    again = build("-t", "built:1").stderr
    assert len(re.findall(r"#\d+ CACHED", again)) >= 2
    build.write("a.txt", "changed\n")
    assert len(re.findall(r"#\d+ CACHED", build("-t", "built:1").stderr)) >= 1
    assert build.run("built:1") == "hello\nchanged\n"


def test_patterns_may_match_nothing_and_owners_be_unknown(build: Buildx) -> None:
    build.write("a.txt", "a\n")
    build.write(
        "Dockerfile",
        "FROM busybox\nCOPY no*.zip /none/\nCOPY a.txt no*.zip /some/\nCOPY --chown=nosuch a.txt /user\n"
        "COPY --chown=12:nosuch a.txt /group\n"
        'CMD ["sh", "-c", "ls -d /none /some/* 2>/dev/null; stat -c %u:%g /user /group"]\n',
    )
    build("-t", "lenient:1")
    assert build.run("lenient:1") == "/some/a.txt\n0:0\n12:12\n"
    build.write("Dockerfile", "FROM busybox\nCOPY nofile /\n")
    assert "nofile" in build(code=1).stderr


def test_stages_targets_arguments_and_labels(build: Buildx) -> None:
    build.write(
        "docker/Containerfile",
        "ARG BASE=nosuch\nFROM busybox AS tools\nRUN echo tool >/tool\n"
        "FROM tools AS broken\nRUN false\n"
        'FROM ${BASE}:latest AS final\nARG VERSION=0\nENV V=$VERSION W="a b"\nWORKDIR /srv\nUSER app\n'
        'COPY --from=tools --chown=app:app --chmod=640 /tool kept\nEXPOSE 80/tcp\nENTRYPOINT ["sh", "-c"]\n'
        "CMD [\"echo $V $W $(pwd) $(id -un) $(stat -c '%a %U' kept)\"]\nSTOPSIGNAL SIGINT\nVOLUME /data\n"
        "HEALTHCHECK --interval=5s CMD true\nLABEL of=stage\n",
    )
    dockerfile = str(build.context / "docker/Containerfile")
    arguments = ("--build-arg", "BASE=busybox", "--build-arg", "VERSION=7", "--label", "given=yes")
    build("-f", dockerfile, "-t", "final:1", *arguments)
    assert build.run("final:1") == "7 a b /srv app 640 app\n"
    shown = json.loads(build.daemon.docker("image", "inspect", "final:1").out)[0]
    config = shown["Config"]
    assert config["Labels"] == {"given": "yes", "of": "stage"}
    assert (config["StopSignal"], config["User"], config["WorkingDir"]) == ("SIGINT", "app", "/srv")
    assert config["Healthcheck"]["Interval"] == 5_000_000_000
    assert config["Volumes"] == {"/data": {}}
    assert "RUN false" in build("-f", dockerfile, "--target", "broken", *arguments, code=1).stderr


def test_history_and_config_are_buildkits(buildkit_engine: Daemon, build: Buildx) -> None:
    build.write(
        "Dockerfile",
        "FROM busybox\nARG X=1\nENV A=b\nRUN echo $X >/x\nWORKDIR /w\nCOPY one two ./\nADD three /three\n"
        'CMD ["true"]\nSHELL ["/bin/ash", "-e", "-c"]\nRUN true\n',
    )
    for name in ("one", "two", "three"):
        build.write(name, name)
    build("-t", "words:1")
    lines = buildkit_engine.docker(
        "history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "words:1"
    ).out
    assert lines.splitlines()[:9] == [
        "RUN |1 X=1 /bin/ash -e -c true # buildkit|buildkit.dockerfile.v0",
        "SHELL [/bin/ash -e -c]|buildkit.dockerfile.v0",
        'CMD ["true"]|buildkit.dockerfile.v0',
        "ADD three /three # buildkit|buildkit.dockerfile.v0",
        "COPY one two ./ # buildkit|buildkit.dockerfile.v0",
        "WORKDIR /w|buildkit.dockerfile.v0",
        "RUN |1 X=1 /bin/sh -c echo $X >/x # buildkit|buildkit.dockerfile.v0",
        "ENV A=b|buildkit.dockerfile.v0",
        "ARG X=1|buildkit.dockerfile.v0",
    ]


def test_a_step_that_fails_shows_where_and_why(build: Buildx) -> None:
    build.write("Dockerfile", "FROM busybox\nRUN echo before\nRUN echo oops >&2 && exit 42\nRUN echo after\n")
    failed = build("-t", "never", code=1).stderr
    assert "oops" in failed
    process = 'process "/bin/sh -c echo oops >&2 && exit 42"'
    assert f"ERROR: failed to solve: {process} did not complete successfully: exit code: 42" in failed
    assert re.search(r"Dockerfile:3\n-+\n", failed)
    assert ">>> RUN echo oops >&2 && exit 42" in failed


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        ("FROM busybox\nRUNN true\n", "dockerfile parse error on line 2: unknown instruction: RUNN"),
        ("FROM busybox\nCOPY missing /\n", '"/missing": not found'),
        ("FROM busybox\nCOPY --from=nosuchstage:nowhere /a /a\n", "nosuchstage:nowhere"),
        ("", "the Dockerfile cannot be empty"),
    ],
)
def test_mistakes_are_told(build: Buildx, dockerfile: str, message: str) -> None:
    build.write("Dockerfile", dockerfile)
    failed = build(code=1).stderr
    assert "ERROR: failed to solve: " in failed
    assert message in failed


def test_a_dockerfile_that_is_not_there(build: Buildx) -> None:
    assert "failed to read dockerfile: open Dockerfile: no such file or directory" in build(code=1).stderr


def test_secrets_are_lent_and_leave_no_trace(buildkit_engine: Daemon, build: Buildx) -> None:
    secret = "tr0ub4dor"
    build.write(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=secret,id=token wc -c </run/secrets/token >/size\n"
        "RUN --mount=type=secret,id=other,target=/etc/other,mode=0444,uid=33 "
        "stat -c '%a %u' /etc/other >/mode\n"
        "RUN ! test -e /run/secrets/token\n",
    )
    (build.context.parent / "token").write_text(secret)
    source = f"src={build.context.parent / 'token'}"
    told = build("-t", "secret:1", "--secret", f"id=token,{source}", "--secret", f"id=other,{source}").stderr
    assert build.run("secret:1", "cat", "/size", "/mode") == "9\n444 33\n"
    saved = build.context.parent / "saved.tar"
    buildkit_engine.docker("save", "-o", str(saved), "secret:1")
    assert secret.encode() not in saved.read_bytes()
    assert secret not in told


def test_what_dockerignore_names_is_not_sent(build: Buildx) -> None:
    build.write("Dockerfile", "FROM busybox\nCOPY . /c\n")
    build.write(".dockerignore", "# comment\n*.log\nnode_modules\n!keep.log\n")
    for name in ("a.txt", "b.log", "keep.log", "node_modules/x", "sub/c.log", "sub/d"):
        build.write(name, name)
    build("-t", "ignored:1")
    found = build.run("ignored:1", "sh", "-c", "cd /c && find . -type f | sort").split()
    assert found == ["./.dockerignore", "./Dockerfile", "./a.txt", "./keep.log", "./sub/c.log", "./sub/d"]


def test_only_what_is_new_of_a_context_is_sent(build: Buildx) -> None:
    def sent(done: Done) -> str:
        found: list[str] = re.findall(r"transferring context: (\S+)", done.stderr)
        return found[-1]

    build.write("Dockerfile", "FROM busybox\nCOPY . /w\n")
    build.write("large", os.urandom(2 << 20))
    assert sent(build("-t", "sent")).endswith("MB")
    build.write("small", "new")
    assert not sent(build("-t", "sent")).endswith("MB")
    assert build.run("sent", "sh", "-c", "wc -c </w/large; cat /w/small") == f"{2 << 20}\nnew"
    build.daemon.docker("rmi", "sent")
    build.other("prune", "--all", "--force")


def test_files_keep_modes_links_and_belong_to_root(build: Buildx) -> None:
    build.write(
        "Dockerfile", "FROM busybox\nCOPY tree /t\nRUN --mount=type=bind,source=tree,target=/m ls /m >/seen\n"
    )
    build.write("tree/run.sh", "#!/bin/sh\n", 0o755)
    build.write("tree/private", "x", 0o600)
    (build.context / "tree/link").symlink_to("run.sh")
    os.chown(build.context / "tree/private", 1234, 1234)
    build("-t", "tree:1")
    shown = build.run("tree:1", "sh", "-c", "stat -c '%n %a %u %F' /t/*; readlink /t/link; cat /seen")
    assert shown.splitlines() == [
        "/t/link 777 0 symbolic link",
        "/t/private 600 0 regular file",
        "/t/run.sh 755 0 regular file",
        "run.sh",
        "link",
        "private",
        "run.sh",
    ]


def test_results_go_to_the_client(build: Buildx) -> None:
    build.write("Dockerfile", "FROM scratch\nCOPY out /bin/out\nCOPY deep /deep\n")
    build.write("out", "binary", 0o755)
    build.write("deep/down/file", "d" * 100_000)
    folder, archive = build.context.parent / "folder", build.context.parent / "out.tar"
    build("-o", str(folder))
    assert (folder / "bin/out").read_text() == "binary"
    assert os.stat(folder / "bin/out").st_mode & 0o777 == 0o755
    assert (folder / "deep/down/file").stat().st_size == 100_000
    build("-o", f"type=tar,dest={archive}")
    with tarfile.open(archive) as read:
        names = {name.strip("/") for name in read.getnames()}
    assert {"bin/out", "deep/down/file"} <= names


def test_the_dockerfile_may_come_from_elsewhere(build: Buildx) -> None:
    build.write("x", "context file")
    build("-t", "stdin:1", "-f", "-", stdin=b"FROM busybox\nCOPY x /x\n")
    assert build.run("stdin:1", "cat", "/x") == "context file"
    build("-t", "stdin:2", stdin=b"FROM busybox\nRUN echo alone >/y\n", context="-")
    assert build.run("stdin:2", "cat", "/y") == "alone\n"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as writing:
        for name, content in (("Dockerfile", b"FROM busybox\nCOPY z /z\n"), ("z", b"in a tar")):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            writing.addfile(entry, io.BytesIO(content))
    build("-t", "stdin:3", stdin=packed.getvalue(), context="-")
    assert build.run("stdin:3", "cat", "/z") == "in a tar"


def test_named_contexts(build: Buildx) -> None:
    build.write("Dockerfile", "FROM base\nCOPY --from=extra file /file\n")
    extra = build.context.parent / "extra"
    extra.mkdir()
    (extra / "file").write_text("of another folder")
    contexts = ("--build-context", f"extra={extra}", "--build-context", "base=docker-image://busybox")
    build("-t", "contexts:1", *contexts)
    assert build.run("contexts:1", "cat", "/file") == "of another folder"


def test_no_cache_and_what_is_written_about_a_build(build: Buildx) -> None:
    build.write("Dockerfile", "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/when\n")
    build("-t", "when:1")
    before = build.run("when:1", "cat", "/when")
    ids, facts = build.context.parent / "iid", build.context.parent / "facts.json"
    build("-t", "when:1", "--iidfile", str(ids), "--metadata-file", str(facts))
    assert build.run("when:1", "cat", "/when") == before
    image_id = build.daemon.docker("image", "inspect", "--format", "{{.Id}}", "when:1").out.strip()
    assert ids.read_text() == image_id
    assert json.loads(facts.read_text())["containerimage.config.digest"] == image_id
    build("-t", "when:1", "--no-cache")
    assert build.run("when:1", "cat", "/when") != before


def test_independent_stages_run_side_by_side(build: Buildx) -> None:
    """Each waits for the other: one after the other they would wait for ever."""
    build.write(
        "Dockerfile",
        "FROM busybox AS a\nRUN --mount=type=cache,target=/c,id=meet touch /c/a && "
        "timeout 60 sh -c 'until [ -e /c/b ]; do sleep 0.1; done' && touch /a\n"
        "FROM busybox AS b\nRUN --mount=type=cache,target=/c,id=meet touch /c/b && "
        "timeout 60 sh -c 'until [ -e /c/a ]; do sleep 0.1; done' && touch /b\n"
        "FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n",
    )
    build("-t", "meet:1")


def test_a_client_that_leaves_ends_its_build(buildkit_engine: Daemon, build: Buildx) -> None:
    build.write("Dockerfile", "FROM busybox\nRUN echo begun && sleep 3600\n")
    process = build.start()
    assert process.stdout is not None
    seen = b""
    while b"begun" not in seen.partition(b"sleep 3600\n")[2]:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    wait_until(lambda: not buildkit_engine.programs("sleep 3600"), "the step is gone")


def test_the_cache_is_told_and_pruned(build: Buildx) -> None:
    build.write("Dockerfile", "FROM busybox\nRUN head -c 3000000 /dev/zero >/zeros\n")
    build()
    assert re.search(r"Total:\s+3(\.\d+)?MB", build.other("du").stdout)
    pruned = build.other("prune", "--all", "--force").stdout
    assert re.search(r"Total:\s+3(\.\d+)?MB", pruned)
    assert re.search(r"Total:\s+0B", build.other("du").stdout)


def test_the_builder_is_told_of(build: Buildx) -> None:
    shown = build.other("inspect").stdout
    assert re.search(r"Status: +running", shown)
    (platforms,) = re.findall(r"Platforms: +(.*)", shown)
    here = [str(it) for it in own_platforms(host_platform(platform.machine()))]
    told = [it.rstrip("*") for it in platforms.split(", ")]
    # Others follow where the machine has interpreters; v4 is younger than dockerd 26.1's BuildKit.
    assert [it for it in told if it in here and "v4" not in it] == [it for it in here if "v4" not in it]
    assert "default" in build.other("ls").stdout


_ASK_AGENT = """
use IO::Socket::UNIX;
my $agent = IO::Socket::UNIX->new(Peer => $ENV{SSH_AUTH_SOCK}) or die "no agent: $!";
print $agent pack("NC", 1, 11); $agent->flush;  # "list identities", RFC of the agent's protocol, 3.2
read($agent, my $head, 9); my ($length, $kind, $count) = unpack("NCN", $head);
print "identities: $count\\n";
"""


@pytest.mark.needs("ssh-agent", "ssh-add", "ssh-keygen")
def test_an_ssh_agent_is_lent(buildkit_engine: Daemon, build: Buildx, tmp_path: Path) -> None:
    buildkit_engine.load(debian_archive())
    key, sock = tmp_path / "key", tmp_path / "agent"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.DEVNULL)
    try:
        wait_until(sock.exists, "the agent listens")
        given = {**os.environ, "SSH_AUTH_SOCK": str(sock)}
        subprocess.run(["ssh-add", "-q", str(key)], env=given, check=True)
        build.write("ask.pl", _ASK_AGENT)
        build.write(
            "Dockerfile",
            "FROM debian:bookworm\nCOPY ask.pl /\nRUN --mount=type=ssh perl /ask.pl >/told\n"
            'RUN test -z "$SSH_AUTH_SOCK"\n',
        )
        build("-t", "agent:1", "--ssh", f"default={sock}")
        assert build.run("agent:1", "cat", "/told") == "identities: 1\n"
        build("--no-cache", code=1)
    finally:
        agent.terminate()
        agent.wait()
