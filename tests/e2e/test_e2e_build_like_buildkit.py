"""What is particular in BuildKit's builds: the same here, on scowd and on the BuildKit of dockerd 26.1.

One test for each class of differences that building some 1,500 small Dockerfiles on both has shown.
"""

import io
import os
import tarfile

import pytest

from tests.support.buildx import Buildx
from tests.support.daemons import Daemon

pytestmark = pytest.mark.root
_MADE_S = 1_000_000_000


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("owned")
        entry.uid, entry.gid, entry.mode = 7, 8, 0o640
        tar.addfile(entry)
    return buffer.getvalue()


def test_what_copied_files_become(build: Buildx) -> None:
    for name in ("one", "two", "tree/first", "real/name"):
        build.write(name, f"{name}\n")
    build.write("a.tar", _archive())
    os.link(build.context / "tree/first", build.context / "tree/second")
    (build.context / "linked").symlink_to("real")
    (build.context / "tree").chmod(0o2775)
    os.utime(build.context / "tree", (_MADE_S, _MADE_S))
    build.write(
        "Dockerfile",
        "FROM busybox\nUSER app\nWORKDIR /home/app/own/inner\nUSER root\n"
        "RUN ln -s /tmp/there /link\nCOPY one /link\nCOPY tree /tree\nCOPY tree /var\nADD a.tar /unpacked/\n"
        "COPY */name /globbed/\nCOPY one two /last\nCOPY <<EOF /document\nold\nEOF\n"
        "CMD cat /tmp/there /globbed/name /last && stat -c '%n %a %u:%g %h' /tree /tree/second"
        " /unpacked/owned /home/app/own /home/app/own/inner && stat -c %Y /tree /var"
        " && find /document -mtime -1\n",
    )
    build("-t", "become:1")
    assert build.run("become:1").splitlines() == [
        *("one", "real/name", "two"),
        "/tree 755 0:0 2",
        "/tree/second 644 0:0 2",
        "/unpacked/owned 640 7:8 1",
        "/home/app/own 755 1000:1000 3",
        "/home/app/own/inner 755 1000:1000 2",
        *(str(_MADE_S), str(_MADE_S)),
        "/document",
    ]


def test_stages_pass_on_arguments_and_triggers(buildkit_engine: Daemon, build: Buildx) -> None:
    build.write(
        "Dockerfile",
        "FROM busybox AS first\nARG PASSED=on\nENV BOTH=env\nARG BOTH=arg\nENV LAST=$BOTH\n"
        "ONBUILD ENV TRIGGER=$PASSED\n"
        "FROM first\nARG PASSED\nENV SEEN=$PASSED-$BOTH\nEXPOSE 8000-8001/udp 80\nCMD\nENTRYPOINT true\n",
    )
    build("-t", "passed:1")
    lines = buildkit_engine.docker(
        "history", "--no-trunc", "--format", "{{.CreatedBy}}", "passed:1"
    ).out.splitlines()
    assert lines[:10] == [
        'ENTRYPOINT ["/bin/sh" "-c" "true"]',
        'CMD ["/bin/sh" "-c" ""]',
        "EXPOSE map[80/tcp:{} 8000/udp:{} 8001/udp:{}]",
        "ENV SEEN=on-env",
        "ARG PASSED",
        "ENV TRIGGER=on",
        "ENV LAST=arg",
        "ARG BOTH=arg",
        "ENV BOTH=env",
        "ARG PASSED=on",
    ]
    shown = buildkit_engine.docker(
        "image", "inspect", "-f", "{{.Config.Env}} {{.Config.OnBuild}}", "passed:1"
    ).out
    assert "BOTH=env LAST=arg TRIGGER=on SEEN=on-env] []" in shown


def test_a_named_context_takes_the_place_of_a_stage(build: Buildx) -> None:
    build.write("other/file", "of the context\n")
    build.write(
        "Dockerfile",
        "FROM busybox AS made\nRUN false\nFROM busybox\nCOPY --from=made file /\nCMD cat /file\n",
    )
    build("-t", "instead:1", "--build-context", f"made={build.context / 'other'}")
    assert build.run("instead:1") == "of the context\n"


def test_steps_are_called_as_they_are_written(build: Buildx) -> None:
    build.write("one", "1")
    build.write(
        "Dockerfile",
        "FROM busybox AS first\nENV A='x y'\nRUN echo \"$A\"  $UNSET\nFROM first\nWORKDIR /\n"
        "COPY one /a$UNSET\nRUN --mount=type=cache,target=/c true\nRUN <<EOF\ntrue\ntrue\nEOF\n"
        + "RUN\n"
        * 7,
    )
    shown = build("-t", "called:1").stderr
    for name in (
        '[first 2/2] RUN echo "x y"  $UNSET',
        "[stage-1  1/11] COPY one /a",
        "[stage-1  2/11] RUN --mount=type=cache,target=/c true",
        "[stage-1  3/11] RUN <<EOF (true...)",
        "[stage-1 10/11] RUN",
    ):
        assert f" {name}\n" in shown, shown


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("COPY one none /d", '"/none": not found'),
        ("COPY away /d", '"/else/where": not found'),
        (
            "COPY --from=last /x /x",
            'cannot copy from stage "last", it needs to be defined before current stage',
        ),
        ("RUN --mount=from=last,target=/m ls", 'cannot mount from stage "last" to "/m", stage needs to be'),
        ("RUN --mount=type=cache true", 'invalid mount target "/"'),
        ("RUN --mount=target=/x,colour=red true", "unexpected key 'colour' in 'colour=red'"),
        ('RUN ["/none", "x"]', 'process "/none x" did not complete successfully: exit code: 1'),
        (
            "USER nobody-knows\nRUN true",
            'process "/bin/sh -c true" did not complete successfully: unable to find',
        ),
        ("HEALTHCHECK --interval=5 CMD true", 'time: missing unit in duration "5"'),
        ("FROM busybox; AS x", 'failed to parse stage name "busybox;": invalid reference format'),
    ],
)
def test_mistakes_are_told_in_its_words(build: Buildx, steps: str, said: str) -> None:
    build.write("one", "1")
    (build.context / "away").symlink_to("/else/where")
    build.write("Dockerfile", f"FROM busybox AS it\n{steps}\nFROM busybox AS last\nRUN touch /x\n")
    target = "x" if "AS x" in steps else "it"
    shown = build("--target", target, code=1).stderr
    assert said in shown
    if "exit code" in said:
        assert 'runc run failed: unable to start container process: exec: "/none"' in shown


def test_the_hosts_network_has_to_be_granted(build: Buildx) -> None:
    build.write("Dockerfile", "FROM busybox\nRUN --network=host true\n")
    assert "network.host is not allowed" in build(code=1).stderr
    build("--allow", "network.host")
    build.write("Dockerfile", "FROM busybox\nRUN echo of the build\n")
    build("--network", "host")


def test_proxies_have_both_spellings_and_stand_in_history_only_if_declared(
    buildkit_engine: Daemon, build: Buildx
) -> None:
    build.write(
        "Dockerfile",
        "FROM busybox\nRUN env | grep -i _proxy | sort >/seen\nARG http_proxy=none\n"
        "RUN echo $http_proxy >>/seen\nCMD cat /seen\n",
    )
    build("-t", "proxies:1", "--build-arg", "HTTP_PROXY=http://proxy.test:1")
    assert build.run("proxies:1").splitlines() == [
        "HTTP_PROXY=http://proxy.test:1",
        "http_proxy=http://proxy.test:1",
        "http://proxy.test:1",
    ]
    lines = buildkit_engine.docker(
        "history", "--no-trunc", "--format", "{{.CreatedBy}}", "proxies:1"
    ).out.splitlines()
    assert lines[1:4] == [
        "RUN |1 http_proxy=none /bin/sh -c echo $http_proxy >>/seen # buildkit",
        "ARG http_proxy=none",
        "RUN /bin/sh -c env | grep -i _proxy | sort >/seen # buildkit",
    ]


def test_programs_know_no_container(build: Buildx) -> None:
    build.write("Dockerfile", "FROM busybox\nRUN hostname >/name\nCMD cat /name\n")
    build("-t", "name:1")
    build("-t", "name:2", "--build-arg", "BUILDKIT_SANDBOX_HOSTNAME=mine", "--no-cache")
    assert (build.run("name:1"), build.run("name:2")) == ("buildkitsandbox\n", "mine\n")
