"""``scow build``: contexts, progress, outputs, secrets, caches and checks, as a person meets them."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.clients import Client, Result
from tests.support.daemons import Daemon
from tests.support.live_folders import files_with
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

DOCKERFILE = """FROM busybox AS made
RUN echo one >/one
FROM busybox
WORKDIR /app
COPY . .
COPY --from=made /one /two
CMD ["cat", "/two"]
"""


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / ".dockerignore").write_text("*.log\n")
    (tmp_path / "left.log").write_text("out")
    return tmp_path


def scow_build(
    daemon: Daemon, *args: str, code: int | None = 0, input: str | bytes | None = None, **env: str
) -> Result:
    result: Result = daemon.scow(
        "build", *args, code=code, input=input, env={"DOCKER_BUILDKIT": "1", **env}, timeout_s=120
    )
    return result


def test_an_image_with_its_progress(scow_daemon: Daemon, folder: Path) -> None:
    first = scow_build(scow_daemon, "-t", "x:1", "-t", "y", "--label", "l=m", str(folder))
    assert "#1 [internal] load build definition from Dockerfile\n" in first.err
    assert "[made 2/2] RUN echo one >/one\n" in first.err
    assert "naming to docker.io/library/x:1 done\n" in first.err
    assert scow_daemon.docker("run", "--rm", "x:1").out == "one\n"
    assert scow_daemon.docker("run", "--rm", "y", "ls", "/app").out == "Dockerfile\na.txt\n"
    labels = scow_daemon.docker("inspect", "-f", "{{json .Config.Labels}}", "x:1").out
    assert json.loads(labels) == {"l": "m"}
    again = scow_build(scow_daemon, "-t", "x:1", str(folder))
    assert again.err.count(" CACHED\n") == 4


def test_a_linked_copy_stands_on_what_is_below_it(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        "FROM busybox AS a\nRUN echo below >/b\n"
        "COPY --link a.txt /dir/a\nADD --link --chown=app a.txt /dir/\n"
        "RUN cat /b /dir/a >/c && stat -c %U /dir/a.txt >>/c\n"
        "FROM busybox\nCOPY --link --from=a /c /c\nCMD cat /c\n"
    )
    for _ in range(2):
        scow_build(scow_daemon, "-t", "x", str(folder))
        assert scow_daemon.docker("run", "--rm", "x").out == "below\nhelloapp\n"


def test_a_folder_that_was_mounted_on_is_as_it_was_before(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        "FROM busybox\nRUN mkdir -p /data && touch -d @1000 /data\n"
        "RUN --mount=type=cache,target=/data --mount=type=tmpfs,target=/new/x/y touch /data/file\n"
        "CMD ls -1d /data /new; stat -c %Y /data\n"
    )
    scow_build(scow_daemon, "-t", "x", str(folder))
    ran = scow_daemon.docker("run", "--rm", "x", code=None)
    assert (ran.out, ran.err) == ("/data\n1000\n", "ls: /new: No such file or directory\n")


def test_a_quiet_classic_build_that_fails_shows_what_was_printed(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nRUN echo why && false\n")
    failed = scow_build(scow_daemon, "-q", str(folder), code=1, DOCKER_BUILDKIT="0")
    assert failed.out == ""
    assert "Step 2/2 : RUN echo why && false\n" in failed.err
    assert "why\n" in failed.err
    assert failed.err.endswith("returned a non-zero code: 1\n")


def test_a_dockerfile_that_is_no_utf_8(scow_daemon: Daemon, folder: Path) -> None:
    """As editors wrote them once; Docker replaces what it cannot read, in all but files."""
    text = "FROM busybox\nRUN echo é >/ran\nCOPY <<E /written\né\nE\nCMD od -An -tx1 /ran /written\n"
    (folder / "Dockerfile").write_bytes(text.encode("latin-1"))
    scow_build(scow_daemon, "-t", "x", str(folder))
    assert scow_daemon.docker("run", "--rm", "x").out == " ef bf bd 0a e9 0a\n"


def test_the_id_goes_where_it_is_wanted(scow_daemon: Daemon, folder: Path) -> None:
    files = ("--iidfile", str(folder / "id.log"), "--metadata-file", str(folder / "meta.log"))
    quiet = scow_build(scow_daemon, "-q", *files, str(folder))
    assert quiet.err == ""
    assert quiet.out.strip() == (folder / "id.log").read_text()
    assert json.loads((folder / "meta.log").read_text())["containerimage.config.digest"] == quiet.out.strip()


def test_a_failed_step_shows_what_it_said_and_where_it_stands(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nRUN echo last words; exit 3\nRUN true\n")
    failed = scow_build(scow_daemon, str(folder), code=1)
    assert " > [2/3] RUN echo last words; exit 3:\n" in failed.err
    assert "   2 | >>> RUN echo last words; exit 3\n" in failed.err
    what = 'process "/bin/sh -c echo last words; exit 3" did not complete successfully: exit code: 3'
    assert failed.err.rstrip().endswith(f"ERROR: failed to solve: {what}")


def test_a_base_is_a_name_or_a_whole_id_and_no_part_of_one(scow_daemon: Daemon, folder: Path) -> None:
    image_id = scow_build(scow_daemon, "-q", str(folder)).out.strip()
    scow_build(scow_daemon, "-", input=f"FROM {image_id}\nENV A=b\n")
    part = image_id.removeprefix("sha256:")[:12]
    failed = scow_build(scow_daemon, "-", input=f"FROM {part}\nENV A=b\n", code=1)
    assert f"{part}: failed to resolve source metadata for docker.io/library/{part}:latest" in failed.err


def test_what_is_excluded_counts_from_what_is_copied(scow_daemon: Daemon, folder: Path) -> None:
    for name in ("x/b.md", "x/y/a.txt", "x/keep", "home.txt", "home.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "Dockerfile").write_text(
        "FROM busybox\n"
        "COPY --exclude=*.md --exclude=y x /r/\n"
        "COPY --exclude=x/y --exclude=*.txt . /all/\n"
        "COPY --exclude=*.txt hom* /hom/\n"
        "COPY --parents --exclude=x/*.md x /p/\n"
        "COPY --parents --exclude=*.md ./x/./b.md ./x/./keep /q/\n"
        "RUN find /r /all/x /hom /p /q -type f | sort >/found\nCMD cat /found\n"
    )
    scow_build(scow_daemon, "-t", "x", str(folder))
    assert scow_daemon.docker("run", "--rm", "x").out.split() == [
        "/all/x/b.md", "/all/x/keep", "/hom/home.md", "/p/x/keep", "/p/x/y/a.txt", "/q/keep", "/r/keep",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("RUNN x", "unknown instruction: RUNN (did you mean RUN?)"),
        ("RUN --network=host true", "ERROR: failed to solve: network.host is not allowed"),
        # As docker 28.5 with its own front end.
        ("RUN --device=a.b/c=d true", "device feature is only supported in Dockerfile frontend 1.14.0-labs"),
    ],
)
def test_a_mistake_shows_its_line(scow_daemon: Daemon, folder: Path, line: str, said: str) -> None:
    (folder / "Dockerfile").write_text(f"FROM busybox\n\n{line}\n")
    failed = scow_build(scow_daemon, str(folder), code=1)
    assert f"   3 | >>> {line}\n" in failed.err
    assert said in failed.err


def test_dockers_front_end_is_built_in(scow_daemon: Daemon) -> None:
    for line in ("docker/dockerfile:1.4", "docker.io/docker/dockerfile:1"):
        scow_build(scow_daemon, "-", input=f"# syntax={line}\nFROM busybox\n")


def test_contexts_of_every_kind(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    alone = scow_build(scow_daemon, "-q", "-", input="FROM busybox\nRUN true\n")
    assert alone.out.startswith("sha256:")
    outside = scow_build(scow_daemon, "-q", "-f", "-", str(folder), input="FROM busybox\nCOPY a.txt /\n")
    assert scow_daemon.docker("run", "--rm", outside.out.strip(), "cat", "/a.txt").out == "hello"
    other = tmp_path / "other"
    other.mkdir()
    (other / "b").write_text("named")
    text = "FROM base AS x\nCOPY --from=more b /b\n"
    named = scow_build(
        scow_daemon, "-q", "-f", "-", "--build-context", f"more={other}", "--build-context",
        "base=docker-image://busybox", str(folder), input=text,
    )  # fmt: skip
    assert scow_daemon.docker("run", "--rm", named.out.strip(), "cat", "/b").out == "named"


def test_results_as_folders_and_archives(scow_daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY a.txt /d/\n")
    scow_build(scow_daemon, "-o", str(tmp_path / "out"), str(folder))
    assert (tmp_path / "out/d/a.txt").read_text() == "hello"
    scow_build(scow_daemon, "-t", "arc", "-o", f"type=docker,dest={tmp_path / 'i.tar'}", str(folder))
    assert "arc:latest" in scow_daemon.docker("load", "-i", str(tmp_path / "i.tar")).out
    tar = scow_build(scow_daemon, "-o", f"type=tar,dest={tmp_path / 'f.tar'}", str(folder))
    assert "exporting to client tarball" in tar.err
    assert b"d/a.txt" in (tmp_path / "f.tar").read_bytes()


def test_a_secret_is_seen_by_its_step_and_by_nothing_else(scow_daemon: Daemon, folder: Path) -> None:
    secret = "f00dfeed-very-secret-bytes"
    (folder / "s.log").write_text(secret)
    text = """FROM busybox
RUN --mount=type=secret,id=file test "$(cat /run/secrets/file)" = "$WANT" && stat -c %a /run/secrets/file
RUN --mount=type=secret,id=var,env=TOKEN test -n "$TOKEN"
RUN test ! -e /run/secrets/file
RUN --mount=type=secret,id=none true
"""
    wanted = f'"$(echo {secret[:8]})-very-secret-bytes"'
    (folder / "Dockerfile").write_text(text.replace('"$WANT"', wanted))
    done = scow_build(
        scow_daemon, "-t", "sec", "--secret", f"id=file,src={folder}/s.log",
        "--secret", "id=var,env=MY_TOKEN", str(folder), MY_TOKEN="v-" + secret,
    )  # fmt: skip
    assert " 400\n" in done.err
    scow_daemon.docker("save", "-o", str(folder / "saved.log"), "sec")
    assert secret.encode() not in (folder / "saved.log").read_bytes()
    assert not files_with(secret, scow_daemon.data_root)
    assert secret.encode() not in scow_daemon.log.read_bytes()
    missing = scow_build(
        scow_daemon, "-", input="FROM busybox\nRUN --mount=type=secret,id=x,required cat y\n", code=1
    )
    assert "secret x: not found" in missing.err


def test_mounts_of_a_run_are_no_part_of_the_image(scow_daemon: Daemon, folder: Path) -> None:
    text = """FROM busybox AS other
RUN echo from-stage >/file
FROM busybox
RUN --mount=type=cache,target=/cache echo x >>/cache/log; wc -l </cache/log >/lines
RUN --mount=type=bind,source=a.txt,target=/in/a.txt cat /in/a.txt >/bound; ! echo y >/in/a.txt
RUN --mount=type=bind,from=other,source=/file,target=/f cat /f >/staged
RUN --mount=type=tmpfs,target=/scratch echo t >/scratch/t
"""
    (folder / "Dockerfile").write_text(text)
    for count in (1, 2):
        built = scow_build(scow_daemon, "-q", "--no-cache", str(folder)).out.strip()
        said = scow_daemon.docker("run", "--rm", built, "cat", "/lines", "/bound", "/staged").out
        assert said == f"{count}\nhello" + "from-stage\n"
    left = scow_daemon.docker(
        "run", "--rm", built, "sh", "-c", "ls -d /cache /in/a.txt /f /scratch/t 2>/dev/null; true"
    )
    assert left.out == ""


def test_a_cache_mount_begins_with_the_files_of_a_stage(scow_daemon: Daemon, folder: Path) -> None:
    mount = "--mount=type=cache,target=/c,id=sown,from=seeds,source=/d"
    (folder / "Dockerfile").write_text(
        "FROM busybox AS seeds\nRUN mkdir -m 750 /d && echo seed >/d/s && chown 7:8 /d/s && ln -s s /d/l\n"
        f"FROM busybox\nARG N\nRUN {mount} stat -c '%a' /c >/o; stat -c '%u:%g' /c/s >>/o; "
        "cat /c/l >>/o; echo $N >>/c/s\nCMD cat /o\n"
    )
    for number, found in (("1", "750\n7:8\nseed\n"), ("2", "750\n7:8\nseed\n1\n")):
        scow_build(scow_daemon, "-t", "x", "--build-arg", f"N={number}", str(folder))
        assert scow_daemon.docker("run", "--rm", "x").out == found


def test_an_agent_is_lent(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK\n")
    import socket

    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(folder / "agent.log"))
        scow_build(scow_daemon, "--ssh", f"default={folder}/agent.log", str(folder))


def test_why_a_step_was_done_again(scow_daemon: Daemon, folder: Path) -> None:
    scow_build(scow_daemon, str(folder))
    (folder / "a.txt").write_text("changed")
    explained = scow_build(scow_daemon, "--explain", str(folder)).err
    assert "CACHED [made 2/2] RUN echo one >/one: nothing that it depends on changed\n" in explained
    assert "DONE   [stage-1 3/4] COPY . .: the files that it uses changed\n" in explained
    assert "COPY --from=made /one /two: what it stands on changed\n" in explained


def test_checks_without_building(scow_daemon: Daemon, folder: Path) -> None:
    assert "no warnings found" in scow_build(scow_daemon, "--check", str(folder)).out
    (folder / "Dockerfile").write_text("FROM busybox as x\nCOPY left.log /\n")
    found = scow_build(scow_daemon, "--check", str(folder), code=1)
    assert "2 warnings have been found!" in found.out
    assert "WARNING: CopyIgnoredFile" in found.out
    assert "   2 | >>> COPY left.log /\n" in found.out


def test_a_variable_that_nobody_set_is_warned_of(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nENV B=$PATH C=${NOPE} D=${NOPE:-d}\nARG E\nENV F=$E\n")
    warned = scow_build(scow_daemon, str(folder)).err
    assert "UndefinedVar: Usage of undefined variable '$NOPE' (line 2)\n" in warned
    # Each word by itself, one with a default, too. E is declared, though nobody gave it a value.
    assert warned.count("UndefinedVar") == 2


def test_programs_are_in_the_control_group_that_was_asked_for(scow_daemon: Daemon, folder: Path) -> None:
    name = f"scow-test-build-{os.getpid()}"
    (folder / "Dockerfile").write_text("FROM busybox\nRUN cat /proc/self/cgroup\n")
    built = scow_build(scow_daemon, "--no-cache", "--cgroup-parent", f"/{name}", str(folder))
    assert f":/{name}/" in built.err
    wait_until(lambda: _groups_removed(name), "the groups are empty")


def _groups_removed(name: str) -> bool:
    """Remove the group that a test asked for; False while something is in there."""
    for controller in Path("/sys/fs/cgroup").iterdir():
        try:
            (controller / name).rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def test_stages_side_by_side_and_unneeded_never(scow_daemon: Daemon, folder: Path) -> None:
    """Each of four waits until all of them are there."""
    meet = "timeout 60 sh -c 'until [ -e /m/0 -a -e /m/1 -a -e /m/2 -a -e /m/3 ]; do sleep 0.1; done'"
    text = "".join(
        f"FROM busybox AS s{n}\n"
        f"RUN --mount=type=cache,id=meet,target=/m touch /m/{n}; {meet} && touch /s{n}\n"
        for n in range(4)
    )
    text += "FROM busybox AS never\nRUN exit 9\nFROM busybox\n"
    text += "".join(f"COPY --from=s{n} /s{n} /\n" for n in range(4))
    (folder / "Dockerfile").write_text(text)
    built = scow_build(scow_daemon, "-q", str(folder)).out.strip()
    assert scow_daemon.docker("run", "--rm", built, "sh", "-c", "echo /s?").out == "/s0 /s1 /s2 /s3\n"


def test_the_classic_builder_when_asked_for(scow_daemon: Daemon, folder: Path) -> None:
    classic = scow_build(scow_daemon, "-t", "c", str(folder), DOCKER_BUILDKIT="0")
    assert "DEPRECATED: The legacy builder is deprecated" in classic.err
    assert "Step 1/7 : FROM busybox AS made\n" in classic.out
    assert classic.out.endswith("Successfully tagged c:latest\n")


def test_a_terminal_gets_a_picture(scow_daemon: Daemon, folder: Path) -> None:
    client = scow_daemon.client("scow")
    terminal = Terminal(client.argv("build", str(folder)), {**client.env, "DOCKER_BUILDKIT": "1"}, 24, 80)
    terminal.expect(r"FINISHED")
    assert terminal.wait() == 0


def test_the_cache_is_seen_and_pruned(scow_daemon: Daemon, folder: Path) -> None:
    scow_build(scow_daemon, str(folder))
    usage = scow_daemon.api("GET", "/v1.43/system/df").json["BuildCache"]
    assert any("RUN echo one" in it["Description"] for it in usage)
    pruned = scow_daemon.scow("builder", "prune", "-af")
    assert "Total:" in pruned.out
    assert scow_daemon.api("GET", "/v1.43/system/df").json["BuildCache"] in ([], None)
    with closing(sqlite3.connect(f"file:{scow_daemon.data_root / 'scow.db'}?mode=ro", uri=True)) as db:
        assert db.execute("SELECT count(*) FROM documents WHERE kind = 'build'").fetchone() == (0,)


def test_a_shell_where_a_step_has_failed(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        "FROM busybox\nENV COLOR=red\nWORKDIR /work\nRUN echo made >here; false\nRUN true\n"
    )
    client = scow_daemon.client("scow")
    env = {**client.env, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    with Terminal(client.argv("build", "--debug", str(folder)), env) as terminal:
        terminal.expect("did not complete successfully: exit code: 1")
        terminal.expect("/bin/sh with the files and the environment of the failed step")
        terminal.expect("/work # ")
        terminal.type("echo $COLOR $(pwd) $(cat here) done\n")
        terminal.expect("red /work made done")
        terminal.type("exit 7\n")
        assert terminal.process.wait(timeout=120) == 1
    assert scow_daemon.api("GET", "/containers/json?all=1").json == []
    assert scow_daemon.api("GET", "/images/json?filters={%22dangling%22:[%22true%22]}").json == []


def test_a_debugged_build_without_a_terminal(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nRUN echo made >/here; exit 3\n")
    failed = scow_build(scow_daemon, "--debug", str(folder), code=1, input="cat /here\n")
    assert failed.out == "made\n"
    assert "exit code: 3" in failed.err
    assert scow_daemon.api("GET", "/images/json?filters={%22dangling%22:[%22true%22]}").json == []
    (folder / "Dockerfile").write_text("FROM busybox\nRUN true\n")
    scow_build(scow_daemon, "--debug", str(folder))


def test_checks_know_what_a_base_defines(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nARG GIVEN=1\nENV A=$GIVEN$PATH$NOPE\nWORKDIR /x\n")
    found = scow_build(scow_daemon, "--check", str(folder), code=1)
    assert "Check complete, 1 warning has been found!\n" in found.out
    assert "WARNING: UndefinedVar - https://docs.docker.com/go/dockerfile/rule/undefined-var/" in found.out
    assert "   3 | >>> ENV A=$GIVEN$PATH$NOPE\n" in found.out
    (folder / "Dockerfile").write_text("FROM reg.invalid/not/here as x\nENV A=$NOPE\n")
    gone = scow_build(scow_daemon, "--check", str(folder), code=1)
    assert "Check complete, 1 warning has been found!\n\nWARNING: FromAsCasing" in gone.out
    assert "here: failed to resolve source metadata for reg.invalid/not/here:latest" in gone.err
    assert "   1 | >>> FROM reg.invalid/not/here as x\n" in gone.err


@pytest.mark.parametrize(
    "text",
    [
        "FROM busybox AS x\nCOPY --from=x /bin/sh /s\n",
        "FROM busybox AS x\nCOPY --from=y /a /a\nFROM busybox AS y\nCOPY --from=x /b /b\n",
        "FROM busybox AS x\nRUN --mount=from=y,target=/y true\nFROM x AS y\n",
    ],
)
def test_stages_in_a_circle_are_refused(scow_daemon: Daemon, folder: Path, text: str) -> None:
    (folder / "Dockerfile").write_text(text)
    failed = scow_build(scow_daemon, "--target", "x", str(folder), code=1)
    assert "circular dependency detected on stage: x" in failed.err
    assert "   2 | >>> " in failed.err or "   4 | >>> " in failed.err or "   3 | >>> " in failed.err


# Root without what makes modes say nothing: a client that may read less than its engine.
_ORDINARY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.needs("setpriv")
@pytest.mark.parametrize("buildkit", ["0", "1"])
@pytest.mark.parametrize("program", ["scow", "docker"])
def test_what_the_client_may_not_read_is_not_read_for_it(
    scow_daemon: Daemon, folder: Path, program: str, buildkit: str
) -> None:
    if program == "docker" and buildkit == "1":
        pytest.skip("its plugin sends what COPY names, and says so in words of its own")
    client = Client(program, scow_daemon, scow_daemon.home)
    (folder / "secret").write_text("nobody's")
    (folder / "secret").chmod(0)
    (folder / "closed").mkdir()

    def built(*args: str) -> subprocess.CompletedProcess[str]:
        argv = client.argv("build", *args, str(folder))
        at = len(argv) - len(args) - 3
        return subprocess.run(
            [*argv[:at], *_ORDINARY, *argv[at:]],
            env=client.env | {"DOCKER_BUILDKIT": buildkit},
            capture_output=True,
            text=True,
            timeout=120,
        )

    refused = built()
    assert refused.returncode == 1
    assert f"error checking context: no permission to read from '{folder}/secret'" in refused.stderr
    with (folder / ".dockerignore").open("a") as file:
        file.write("secret\n")
    (folder / "closed").chmod(0)
    refused = built()
    assert refused.returncode == 1
    assert f"error checking context: can't stat '{folder}/closed'" in refused.stderr
    with (folder / ".dockerignore").open("a") as file:
        file.write("closed\n")
    if program == "docker":
        (folder / "closed").chmod(0o755)  # it looks into folders that are ignored
    assert built("-t", "open").returncode == 0
    assert "secret" not in scow_daemon.docker("run", "--rm", "open", "ls", "/app").out
    # Root's own engine and client: a mode is part of a file, and says nothing about who may read it.
    (folder / ".dockerignore").write_text("")
    scow_build(scow_daemon, "-t", "all", str(folder))
    shown = scow_daemon.docker("run", "--rm", "all", "stat", "-c", "%a %s", "/app/secret", "/app/closed").out
    assert shown.startswith(f"0 8\n{755 if program == 'docker' else 0} ")


def test_what_a_dockerfile_takes_and_offers_is_said_without_a_build(
    scow_daemon: Daemon, folder: Path
) -> None:
    (folder / "Dockerfile").write_text(
        "# app is all\nFROM nowhere.invalid/x AS app\n# V is a number\nARG V=1\nRUN echo $V\n"
    )
    outline = scow_build(scow_daemon, "--call=outline", "--build-arg", "V=2", str(folder)).out
    assert outline.startswith("TARGET:      app\nDESCRIPTION: is all\n")
    assert "V           2       is a number\n" in outline
    targets = json.loads(scow_build(scow_daemon, "--call", "targets,format=json", str(folder)).out)
    assert [it["name"] for it in targets["targets"]] == ["app"]
    refused = scow_build(scow_daemon, "--call=other", str(folder), code=1).err
    assert "--call=other is not supported, only build, check, outline, targets" in refused


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("STOPSIGNAL NONE", "invalid signal: NONE"),
        ("WORKDIR /bin/sh", "mkdir /bin/sh: not a directory"),
        (
            "ADD http://127.0.0.1:1/x /",
            'failed to load cache key: Get "http://127.0.0.1:1/x": '
            "dial tcp 127.0.0.1:1: connect: connection refused",
        ),
        ("ADD http://[::1/x /", "parse \"http://[::1/x\": missing ']' in host"),
        ("ADD --checksum=sha256:abc a.txt /", "checksum requires HTTP(S) or Git sources"),
        ("ADD --checksum=sha256:abc a.txt b.txt /", "checksum can't be specified for multiple sources"),
        ("COPY --from=127.0.0.1:1/none:1 /a /", "127.0.0.1:1/none:1"),
        (
            "RUN <<EOF\nexit 3\nEOF",
            r'process "/bin/sh -c exit 3\n" did not complete successfully: exit code: 3',
        ),
    ],
)
def test_a_step_that_cannot_be_is_shown_with_the_reason(
    scow_daemon: Daemon, folder: Path, step: str, message: str
) -> None:
    (folder / "Dockerfile").write_text(f"FROM busybox\n{step}\n")
    failed = scow_build(scow_daemon, str(folder), code=1).err
    assert f"   2 | >>> {step.splitlines()[0]}\n" in failed, failed
    last = next(line for line in failed.splitlines() if line.startswith("ERROR: "))
    assert last.startswith("ERROR: failed to solve: ")
    assert message in last
    assert "Error: [Errno" not in failed
