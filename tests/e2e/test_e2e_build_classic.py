"""The classic builder over the API, on scowd and on dockerd: every instruction, its history, its mistakes."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import Built, build, context, run_in
from tests.support.daemons import Daemon

pytestmark = pytest.mark.reference

EVERYTHING = r"""
# what every instruction does
FROM busybox AS one
LABEL a="b c" d=e
ENV X=1 Y="two words"
ARG V=3
ARG W
MAINTAINER me
RUN echo $V >/v && echo err >&2
WORKDIR /app
WORKDIR sub
RUN true
COPY a.txt dir/ ./
COPY dir /newdir
COPY --chown=app:audio a.txt /home/app/
ADD a.txt /root/b.txt
USER app
RUN id -un >/tmp/who; echo "$X $Y" >/tmp/env; pwd >/tmp/pwd
EXPOSE 80 90/udp
VOLUME /data /data2
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD true
SHELL ["/bin/sh", "-ec"]
CMD echo hi
ENTRYPOINT ["/bin/sh", "-c"]
ONBUILD RUN echo trigger >/tmp/trigger
"""
FILES = {"a.txt": "hello", "dir": None, "dir/f": "x", "dir/g": "->f"}


@pytest.fixture(autouse=True)
def _tidy(engine: Daemon) -> Iterator[None]:
    yield
    engine.remove_containers()
    for image in engine.api("GET", "/images/json?all=1").json:
        if not any(tag.startswith("busybox") for tag in image["RepoTags"] or ()):
            engine.api("DELETE", f"/images/{image['Id']}?force=1")


def inspect(engine: Daemon, name: str) -> Any:
    return engine.api("GET", f"/images/{name}/json").json


def history(engine: Daemon, name: str) -> list[str]:
    """What made it, newest first, digests left out: engines digest a context each in its own way."""
    items = engine.api("GET", f"/images/{name}/history").json
    return [re.sub(r"(file|dir|multi):[0-9a-f]{64}", r"\1:…", item["CreatedBy"]) for item in items]


def test_every_instruction_makes_the_image_that_it_makes_on_docker(engine: Daemon) -> None:
    built = build(
        engine, EVERYTHING, FILES, t=["x:1", "y:2"], buildargs={"V": "9", "W": "w"}, labels={"l": "m"}
    )
    assert built.text.endswith("Successfully tagged x:1\nSuccessfully tagged y:2\n")
    assert f"Successfully built {built.id[7:19]}\n" in built.text
    image = inspect(engine, "x:1")
    config = image["Config"]
    assert image["Author"] == "me"
    assert config["Labels"] == {"a": "b c", "d": "e", "l": "m"}
    assert config["Env"][1:] == ["X=1", "Y=two words"]
    assert (config["User"], config["WorkingDir"], config["StopSignal"]) == ("app", "/app/sub", "SIGINT")
    assert (config["Cmd"], config["Entrypoint"]) == (["/bin/sh", "-ec", "echo hi"], ["/bin/sh", "-c"])
    assert config["Shell"] == ["/bin/sh", "-ec"]
    assert config["ExposedPorts"] == {"80/tcp": {}, "90/udp": {}}
    assert config["Volumes"] == {"/data": {}, "/data2": {}}
    assert config["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000}
    assert config["OnBuild"] == ["RUN echo trigger >/tmp/trigger"]
    shell, noted = "/bin/sh -c", "/bin/sh -c #(nop) "
    times = '"5s" "0s" "0s" "0s"' if engine.kind == "scowd" else '"5s" "0s" "0s"'
    assert history(engine, "x:1")[:-1] == [
        "/bin/sh -ec #(nop)  LABEL l=m",
        "/bin/sh -ec #(nop)  ONBUILD RUN echo trigger >/tmp/trigger",
        '/bin/sh -ec #(nop)  ENTRYPOINT ["/bin/sh" "-c"]',
        '/bin/sh -ec #(nop)  CMD ["/bin/sh" "-ec" "echo hi"]',
        "/bin/sh -ec #(nop)  SHELL [/bin/sh -ec]",
        f'{noted} HEALTHCHECK &{{["CMD-SHELL" "true"] {times} \'\\x00\'}}',
        f"{noted} STOPSIGNAL SIGINT",
        f"{noted} VOLUME [/data /data2]",
        f"{noted} EXPOSE 80 90/udp",
        f'|2 V=9 W=w {shell} id -un >/tmp/who; echo "$X $Y" >/tmp/env; pwd >/tmp/pwd',
        f"{noted} USER app",
        f"{noted}ADD file:… in /root/b.txt ",
        f"{noted}COPY --chown=app:audiofile:… in /home/app/ ",
        f"{noted}COPY dir:… in /newdir ",
        f"{noted}COPY multi:… in ./ ",
        f"|2 V=9 W=w {shell} true",
        f"{noted}WORKDIR /app/sub",
        f"{noted}WORKDIR /app",
        f"|2 V=9 W=w {shell} echo $V >/v && echo err >&2",
        f"{noted} MAINTAINER me",
        f"{noted} ARG W",
        f"{noted} ARG V=3",
        f"{noted} ENV X=1 Y=two words",
        f"{noted} LABEL a=b c d=e",
    ]
    assert len(image["RootFS"]["Layers"]) == 9  # the base, two WORKDIRs, four copies and two RUNs that wrote


def test_the_files_are_those_that_docker_makes(engine: Daemon) -> None:
    build(engine, EVERYTHING, FILES, t="x:1", buildargs={"V": "9"})
    look = "cat /v /tmp/who /tmp/env /tmp/pwd; stat -c '%n %U:%G %a %s' /app /app/sub /app/sub/* /newdir "
    look += "/newdir/* /home/app/a.txt /root; readlink /newdir/g; stat -c %Y /app/sub/a.txt"
    said = run_in(engine, "x:1", look).splitlines()
    assert said == [
        "9", "app", "1 two words", "/app/sub",
        "/app root:root 755 4096", "/app/sub root:root 755 4096",
        "/app/sub/a.txt root:root 644 5", "/app/sub/f root:root 644 1", "/app/sub/g root:root 777 1",
        "/newdir root:root 755 4096", "/newdir/f root:root 644 1", "/newdir/g root:root 777 1",
        "/home/app/a.txt app:audio 644 5", "/root root:root 700 4096", "f", "1700000000",
    ]  # fmt: skip


def test_steps_are_told_as_docker_tells_them(engine: Daemon) -> None:
    built = build(engine, "FROM busybox\nRUN echo out; echo err >&2\nCOPY a.txt /\n", FILES)
    streams = [item["stream"] for item in built.items if "stream" in item]
    assert streams[0:2] == ["Step 1/3 : FROM busybox", "\n"]
    assert re.fullmatch(r" ---> [0-9a-f]{12}\n", streams[2])
    assert streams[3:5] == ["Step 2/3 : RUN echo out; echo err >&2", "\n"]
    assert re.fullmatch(r" ---> Running in [0-9a-f]{12}\n", streams[5])
    assert sorted(streams[6:8]) == ["\x1b[91merr\n\x1b[0m", "out\n"]
    container = streams[5].split()[-1]
    assert streams[8] == f"Removing intermediate container {container}\n"
    assert streams[10:12] == ["Step 3/3 : COPY a.txt /", "\n"]
    assert streams[-1] == f"Successfully built {built.id[7:19]}\n"
    assert engine.api("GET", f"/images/{built.id}/json").status == 200


def test_the_second_time_everything_is_in_the_cache(engine: Daemon) -> None:
    text = "FROM busybox\nARG V=3\nENV X=1\nRUN echo $V >/v\nCOPY a.txt dir/ ./\nRUN true\n"
    first = build(engine, text, FILES)
    again = build(engine, text, FILES, t="again")
    assert (again.id, again.hits) == (first.id, 5)
    touched = build(engine, None, tar=context({"Dockerfile": text, **FILES}, mtime=1_800_000_000))
    assert (touched.id, touched.hits) == (first.id, 5)
    assert build(engine, text, {**FILES, "unrelated": "z"}).id == first.id
    assert build(engine, text, {**FILES, "a.txt": "other"}).hits == 3
    mode = build(engine, None, tar=context({"Dockerfile": text, **FILES}, modes={"a.txt": 0o600}))
    assert mode.hits == 3
    assert build(engine, text, FILES, nocache="1").hits == 0
    assert build(engine, text, FILES, buildargs={"V": "4"}).hits == 2


def test_only_the_named_images_are_a_cache(engine: Daemon) -> None:
    dockerfile = "FROM busybox\nENV FOO=bar\nRUN touch baz\nRUN touch bax\n"
    first = build(engine, dockerfile, t="build1")
    again = build(engine, dockerfile, t="build2", cachefrom=["build1"])
    assert (again.hits, again.id) == (3, first.id)
    assert build(engine, dockerfile, cachefrom=["nosuchtag"]).hits == 0


@pytest.mark.parametrize(
    ("dockerfile", "error"),
    [
        ("FROM busybox\nCOPY nofile /\n", "COPY failed: file not found in build context or excluded by "
         ".dockerignore: stat nofile: file does not exist"),
        ("FROM busybox\nCOPY no* /\n", "COPY failed: no source files were specified"),
        ("FROM busybox\nADD http://127.0.0.1:1/x /\n", 'ADD failed: Get "http://127.0.0.1:1/x": '
         "dial tcp 127.0.0.1:1: connect: connection refused"),
        ("FROM busybox\nCOPY ../x /\n", "COPY failed: forbidden path outside the build context: ../x ()"),
        ("FROM busybox\nCOPY [ad]* /z\n", "When using COPY with more than one source file, the "
         "destination must be a directory and end with a /"),
        ("FROM busybox\nCOPY a.txt dir /z\n", "When using COPY with more than one source file, the "
         "destination must be a directory and end with a /"),
        ("FROM busybox\nRUN exit 3\n", "The command '/bin/sh -c exit 3' returned a non-zero code: 3"),
        ("FROM scratch\n", "No image was generated. Is your Dockerfile empty?"),
    ],
)  # fmt: skip
def test_a_build_that_fails_says_why_as_its_last_object(engine: Daemon, dockerfile: str, error: str) -> None:
    built = build(engine, dockerfile, FILES)
    assert built.status == 200
    assert built.error == error
    assert built.items[-1]["errorDetail"]["message"] == error
    if "exit 3" in dockerfile:
        assert built.items[-1]["errorDetail"]["code"] == 3


def test_what_can_be_refused_at_once_is(engine: Daemon) -> None:
    missing = build(engine, None, {"x": "y"})
    assert (missing.status, missing.error) == (500, "Cannot locate specified Dockerfile: Dockerfile")
    empty = build(engine, "", FILES)
    assert (empty.status, empty.error) == (400, "the Dockerfile (Dockerfile) cannot be empty")
    unknown = build(engine, "FROM busybox\nRUNN x\n")
    assert unknown.status == 400
    assert "unknown instruction: RUNN" in unknown.error
    assert build(engine, "FROM busybox\n", target="nope").status == 400
    assert build(engine, None, tar=b"").status == 500


def test_only_up_to_the_target_and_stages_are_bases_and_sources(engine: Daemon) -> None:
    dockerfile = """
        ARG BASE=busybox
        FROM ${BASE} AS First
        RUN echo made >/made && chown app /made
        FROM first AS second
        COPY --from=first /made /copied
        COPY --from=0 /made /again
        RUN cat /made >/third
        FROM nosuchimage:ever
        """
    built = build(engine, dockerfile, target="second", t="x:1")
    assert run_in(engine, "x:1", "cat", "/copied", "/again", "/third") == "made\n" * 3
    assert run_in(engine, "x:1", "stat", "-c", "%u", "/copied") == "1000\n"
    assert built.hits == 0
    assert "nosuchimage" not in built.text


def test_triggers_run_in_the_child_only(engine: Daemon) -> None:
    build(engine, "FROM busybox\nONBUILD COPY a.txt /from-child\nONBUILD ENV T=1\nRUN true\n", t="parent")
    built = build(engine, "FROM parent\nRUN echo $T\n", {"a.txt": "child"}, t="child")
    assert "# Executing 2 build triggers\n" in built.text
    assert run_in(engine, "child", "cat", "/from-child") == "child"
    assert not inspect(engine, "child")["Config"].get("OnBuild")


def test_the_two_files_that_had_to_be_sent_can_be_ignored(engine: Daemon) -> None:
    files = {".dockerignore": "*.log\nDockerfile\n.dockerignore\n", "file.txt": "", "sent.log": ""}
    build(engine, "FROM busybox\nCOPY . /ctx\nRUN find /ctx | sort >/list\n", files, t="x:1")
    assert run_in(engine, "x:1", "cat", "/list") == "/ctx\n/ctx/file.txt\n/ctx/sent.log\n"


def test_limits_hosts_and_networks_are_the_programs(engine: Daemon) -> None:
    look = "ulimit -n; df /dev/shm | tail -1 | awk '{print $2}'; grep extra /etc/hosts; ip -o link | wc -l"
    built = build(
        engine,
        f"FROM busybox\nRUN {look}\n",
        ulimits=[{"Name": "nofile", "Soft": 100, "Hard": 200}],
        shmsize=str(8 << 20),
        extrahosts="extra.test:10.1.2.3",
        networkmode="none",
    )
    said = [
        line
        for line in built.text.splitlines()
        if line and not line.startswith((" --->", "Step", "Rem", "Succ"))
    ]
    assert said == ["100", "8192", "10.1.2.3\textra.test", "1"]


def test_proxy_arguments_need_no_declaration_and_leave_no_trace(engine: Daemon) -> None:
    built = build(
        engine, "FROM busybox\nRUN echo proxy=$http_proxy\n", buildargs={"http_proxy": "p"}, t="x:1"
    )
    assert "proxy=p" in built.text
    assert "[Warning]" not in built.text
    assert not any("=p" in entry for entry in history(engine, "x:1"))
    assert (
        build(engine, "FROM busybox\nRUN echo proxy=$http_proxy\n", buildargs={"http_proxy": "q"}).hits == 1
    )
    assert (
        "build-args [unused] were not consumed"
        in build(engine, "FROM busybox\n", buildargs={"unused": "1"}).text
    )


def test_quiet_says_the_id_alone(engine: Daemon) -> None:
    built = build(engine, "FROM busybox\nRUN echo loud\n", q="1")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", built.text)
    assert engine.api("GET", f"/images/{built.text.strip()}/json").status == 200


def test_archives_are_unpacked_by_add_and_copied_by_copy(engine: Daemon) -> None:
    inner = gzip.compress(context({"in/": None, "in/side": "unpacked"}))
    dockerfile = "FROM busybox\nADD a.tar.gz /added/\nCOPY a.tar.gz /copied/\nADD no.tar.gz /plain/\n"
    build(engine, dockerfile, {"a.tar.gz": inner, "no.tar.gz": "text"}, t="x:1")
    assert run_in(engine, "x:1", "cat", "/added/in/side", "/plain/no.tar.gz") == "unpackedtext"
    assert run_in(engine, "x:1", "ls", "/copied") == "a.tar.gz\n"


def test_the_dockerfile_may_come_by_itself(engine: Daemon, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("beside")
    command = ("build", "-q", "-t", "x:1", "-f", "-", str(tmp_path))
    engine.docker(*command, input="FROM busybox\nCOPY f /f\n", env={"DOCKER_BUILDKIT": "0"})
    assert run_in(engine, "x:1", "cat", "/f") == "beside"


def test_a_context_may_be_compressed(engine: Daemon) -> None:
    tar = gzip.compress(context({"Dockerfile": "FROM busybox\nCOPY f /f\n", "f": "x"}))
    assert build(engine, None, tar=tar).id


def test_nothing_leads_out_of_the_context_or_the_image(engine: Daemon) -> None:
    files = {"up": "->../../../etc/passwd", "abs": "->/etc/shadow", "in": "->real", "real": "mine"}
    for name in ("up", "abs"):
        assert build(engine, f"FROM busybox\nCOPY {name} /x\n", files).error
    dockerfile = "FROM busybox\nRUN ln -s / /root/top && ln -s ../../../../../tmp /root/far\n"
    dockerfile += "COPY in /root/top/a\nCOPY in /root/far/b\n"
    build(engine, dockerfile, files, t="x:1")
    assert run_in(engine, "x:1", "cat", "/a", "/tmp/b") == "minemine"


def test_a_program_that_leaves_others_behind_ends_with_its_shell(engine: Daemon) -> None:
    built: Built = build(
        engine, "FROM busybox\nRUN (sleep 1000 & sleep 1000 &) ; echo done >/done\n", t="x:1"
    )
    assert built.id
    assert run_in(engine, "x:1", "cat", "/done") == "done\n"
    assert json.loads(engine.api("GET", "/containers/json?all=1").body) == []


def test_a_folder_is_copied_to_where_there_was_something_and_is_no_more(engine: Daemon) -> None:
    """An empty folder of a lower layer, and one that lower layers have emptied, are as new ones are."""
    first = (
        "FROM busybox\nRUN mkdir -m 711 /full && chown 5:6 /full && mkdir /full/in && echo old >/full/in/a\n"
    )
    emptied = "RUN rm -r /full/in && ln -s /full /way && mkdir /empty\n"
    copies = "COPY sub /full\nCOPY sub /way/deep/er/\nCOPY sub /empty/\nCOPY sub/in /full/in\n"
    files: dict[str, str | None] = {"sub": None, "sub/in": None, "sub/in/b": "new", "sub/x": "->in/b"}
    built = build(engine, first + emptied + copies, files)
    listed = run_in(
        engine, built.id, "sh", "-c", "cd / && find full way empty | sort; stat -c '%a %u %g' full full/in"
    )
    below = ["", "/in", "/in/b", "/x"]
    deep = ["", "/deep", "/deep/er", *(f"/deep/er{path}" for path in below[1:])]
    expected = [f"empty{it}" for it in below] + sorted({f"full{it}" for it in (*below, *deep)}) + ["way"]
    assert listed.splitlines() == [*expected, "711 5 6", "755 0 0"]
    assert run_in(engine, built.id, "cat", "/full/in/b", "/full/x", "/empty/x") == "newnewnew"


def _containers(engine: Daemon, label: str) -> list[dict[str, Any]]:
    """Those with a label, the oldest first."""
    ids = engine.docker("ps", "-aq", "--no-trunc", "--filter", f"label={label}").out.split()
    return [engine.api("GET", f"/containers/{it}/json").json for it in reversed(ids)]


def test_the_container_of_a_step_that_failed_stays(engine: Daemon) -> None:
    dockerfile = (
        'FROM busybox\nLABEL left=failed\nENTRYPOINT ["/bin/false"]\nARG A=1\nWORKDIR /w\n'
        "RUN rm /bin/vi; echo hi >/made; exit 3\n"
    )
    failed = build(engine, dockerfile, memory=64 << 20, networkmode="none")
    assert failed.error.endswith("returned a non-zero code: 3")
    (left,) = _containers(engine, "left=failed")
    assert f" ---> Running in {left['Id'][:12]}\n" in failed.text
    assert "Removing" not in failed.text.rpartition("RUN rm")[2]
    assert (left["State"]["Status"], left["State"]["ExitCode"]) == ("exited", 3)
    assert left["Config"]["Cmd"] == ["/bin/sh", "-c", "rm /bin/vi; echo hi >/made; exit 3"]
    assert left["Config"]["Entrypoint"] is None
    assert left["Config"]["WorkingDir"] == "/w"
    assert left["Config"]["Healthcheck"] == {"Test": ["NONE"]}
    assert "A=1" in left["Config"]["Env"]
    assert left["Config"]["Hostname"] == left["Id"][:12]
    assert left["Image"] == left["Config"]["Image"]
    assert f" ---> {left['Image'].removeprefix('sha256:')[:12]}\n" in failed.text
    assert left["HostConfig"]["LogConfig"] == {"Type": "none", "Config": {}}
    assert left["HostConfig"]["Memory"] == 64 << 20
    assert left["HostConfig"]["NetworkMode"] == "none"
    assert sorted(engine.docker("diff", left["Id"]).out.split("\n")[:-1]) == [
        "A /made",
        "C /bin",
        "D /bin/vi",
    ]
    engine.docker("commit", left["Id"], "left:1")
    assert run_in(engine, "left:1", "sh", "-c", "cat /made; ls /bin/vi 2>&1 || pwd").endswith("\n/w\n")
    assert engine.docker("start", "-a", left["Id"], code=3).code == 3
    engine.docker("rm", left["Id"])
    assert not _containers(engine, "left=failed")


def test_a_program_that_cannot_be_started_leaves_a_container_that_never_ran(engine: Daemon) -> None:
    failed = build(engine, 'FROM busybox\nLABEL left=unstarted\nRUN ["/nothere"]\n')
    assert "/nothere" in failed.error
    (left,) = _containers(engine, "left=unstarted")
    assert left["State"]["Status"] == "created"
    assert (left["Path"], left["Args"]) == ("/nothere", [])
    engine.docker("rm", left["Id"])


def test_containers_of_steps_stay_or_go_as_asked(engine: Daemon) -> None:
    steps = "RUN echo one >/one\nRUN exit 5\n"
    forced = build(engine, f"FROM busybox\nLABEL left=forced\n{steps}", forcerm="1", nocache="1")
    ran = re.findall(r"Running in (\w+)", forced.text.partition("LABEL")[2])
    assert re.findall(r"Removing intermediate container (\w+)", forced.text)[-1] == ran[-1]
    assert not _containers(engine, "left=forced")
    kept = build(engine, f"FROM busybox\nLABEL left=kept\n{steps}", rm="0", nocache="1")
    assert "Removing" not in kept.text
    programs = [it for it in _containers(engine, "left=kept") if it["State"]["Status"] == "exited"]
    assert [it["State"]["ExitCode"] for it in programs] == [0, 5]
    assert engine.docker("diff", programs[0]["Id"]).out == "A /one\n"
    for it in _containers(engine, "left=kept"):
        engine.docker("rm", it["Id"])


def test_a_quiet_build_that_fails_tells_all_of_it(engine: Daemon) -> None:
    failed = build(engine, "FROM busybox\nRUN echo said; exit 4\n", q="1", forcerm="1", nocache="1")
    assert failed.text.startswith("Step 1/2 : FROM busybox\n")
    assert "said\n" in failed.text
    assert failed.error.endswith("returned a non-zero code: 4")
