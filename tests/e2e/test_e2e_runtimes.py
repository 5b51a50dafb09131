"""runc and crun by turns on one engine: the same words for the same failure, the same container."""

import os
import shutil
import stat
from collections.abc import Iterator
from glob import glob

import pytest

from tests.support.clients import Client, CommandError
from tests.support.daemons import Daemon
from tests.support.waiting import wait_until

RUNTIMES = [name for name in ("runc", "crun") if shutil.which(name)]
PREFIX = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create "
    "failed: unable to start container process: "
)


@pytest.fixture(scope="module", params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def docker(scow_daemon: Daemon) -> Client:
    return scow_daemon.client("docker")


@pytest.fixture
def box(docker: Client, runtime: str) -> Iterator[str]:
    """A running container of the runtime."""
    docker("run", "-d", "--name", "box", "--runtime", runtime, "-m", "64m", "busybox", "sleep", "600")
    yield "box"
    docker("rm", "-f", "box")


@pytest.mark.needs("crun")
def test_both_are_there_and_the_default_is_said(docker: Client) -> None:
    names, default = docker(
        "info", "-f", "{{range $name, $_ := .Runtimes}}{{$name}} {{end}}|{{.DefaultRuntime}}"
    ).out.split("|")
    assert names.split() == ["crun", "runc"]
    docker("create", "--name", "plain", "busybox")
    assert docker.inspect("plain", "{{.HostConfig.Runtime}}") == default.strip()


@pytest.mark.parametrize(
    ("options", "command", "code", "words"),
    [
        ([], ["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH: unknown'),
        ([], ["/nosuch"], 127, 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown'),
        ([], ["/etc"], 126, 'exec: "/etc": permission denied: unknown'),
        ([], ["/etc/passwd"], 126, 'exec: "/etc/passwd": permission denied: unknown'),
        (["-t"], ["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH: unknown'),
        (
            ["-v", "/etc/hostname:/etc"],
            ["true"],
            125,
            'error during container init: error mounting "/etc/hostname" to rootfs at "/etc": mount '
            "/etc/hostname:/etc",
        ),
        (
            ["--sysctl", "net.ipv4.nosuch=1"],
            ["true"],
            127,
            "error during container init: open /proc/sys/net/ipv4/nosuch: no such file or directory: unknown",
        ),
    ],
)
def test_a_start_fails_in_the_same_words(
    docker: Client, runtime: str, options: list[str], command: list[str], code: int, words: str
) -> None:
    done = docker("run", "--rm", "--runtime", runtime, *options, "busybox", *command, code=code)
    assert PREFIX + words in done.err + done.out


def test_an_exec_fails_in_the_same_words(docker: Client, box: str) -> None:
    begin = "OCI runtime exec failed: exec failed: unable to start container process: "
    for options, command, code, words in (
        ([], "nosuch", 127, 'exec: "nosuch": executable file not found in $PATH: unknown'),
        ([], "/nosuch", 127, 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown'),
        ([], "/etc", 126, 'exec: "/etc": permission denied: unknown'),
        (
            ["-w", "/nosuch"],
            "true",
            126,
            'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory: unknown',
        ),
    ):
        done = docker("exec", *options, box, command, code=code)
        assert begin + words in done.out + done.err


def test_a_user_of_an_exec_is_not_given_the_hosts_null_device(docker: Client, box: str) -> None:
    before = os.stat("/dev/null")
    out = docker("exec", "-u", "1000", box, "sh", "-c", "id -u; cat; echo done").lines
    assert out == ["1000", "done"]
    docker("exec", "-d", "-u", "1000", box, "true")
    docker(
        "run",
        "--rm",
        "-u",
        "1000",
        "--runtime",
        docker.inspect(box, "{{.HostConfig.Runtime}}"),
        "busybox",
        "true",
    )
    after = os.stat("/dev/null")
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_pause_top_kill_and_the_end(docker: Client, box: str) -> None:
    docker("exec", "-d", box, "sleep", "601")
    docker("pause", box)
    assert docker.inspect(box, "{{.State.Status}}") == "paused"
    docker("unpause", box)
    assert {line.split()[-1] for line in docker("top", box).lines[1:]} == {"600", "601"}
    assert docker("exec", "-t", box, "tty").lines == ["/dev/pts/0"]
    # The first process of a container ends the others.
    docker("kill", box)
    wait_until(lambda: docker.inspect(box, "{{.State.ExitCode}}") == "137", "the container is killed")
    docker("start", box)
    assert docker("exec", box, "cat", "/proc/1/cmdline").out == "sleep\x00600\x00"


def test_nothing_of_a_container_stays(docker: Client, scow_daemon: Daemon, runtime: str) -> None:
    container = docker.text("run", "-d", "--runtime", runtime, "busybox", "sleep", "600").strip()
    state = scow_daemon.exec_root / runtime / container
    assert state.is_dir()
    docker("rm", "-f", container)
    wait_until(lambda: not state.exists(), "the runtime's state is gone")
    wait_until(lambda: not glob(f"/sys/fs/cgroup/*/scow/{container}"), "no group is left")


_LOOK = r"""
ls -ldn /dev/net /dev/net/* /new /new/dir | cut -c1-9,11-30 # crun sets the sticky bit on what it makes
stat -c %a /dev/shm
grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups)' /proc/self/status; umask
# crun masks with a /dev/null that is read-only, too
awk '{print $5, $9 ~ /devtmpfs/ ? "rw" : substr($6, 1, 2)}' /proc/self/mountinfo | sort
cat /proc/self/limits /proc/self/oom_score_adj; env | grep -v HOSTNAME | sort
sort /sys/fs/cgroup/devices/devices.list 2>/dev/null
cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null
"""


@pytest.mark.needs("runc", "crun", "/dev/net/tun")
@pytest.mark.parametrize(
    "options",
    [["--init", "-u", "1000"], ["--privileged"], ["--read-only", "--tmpfs", "/t", "--cap-drop", "ALL"]],
)
def test_a_container_looks_the_same(docker: Client, options: list[str]) -> None:
    given = ("-m", "64m", "--cpus", "0.5", "--device", "/dev/net/tun", "-v", "/etc:/new/dir:ro")
    seen = [
        docker("run", "--rm", "--runtime", name, *given, *options, "busybox", "sh", "-c", _LOOK).lines
        for name in ("runc", "crun")
    ]
    assert seen[0] == seen[1]


def test_an_unknown_runtime_is_refused(docker: Client) -> None:
    with pytest.raises(CommandError, match="unknown or invalid runtime name: nosuch"):
        docker("create", "--runtime", "nosuch", "busybox")


def test_devices_keep_their_mode(docker: Client, runtime: str) -> None:
    out = docker(
        "run", "--rm", "--runtime", runtime, "busybox", "stat", "-c", "%f", "/dev/null", "/dev/zero"
    ).lines
    assert {stat.S_IMODE(int(line, 16)) for line in out} == {0o666}
