"""Builds that do not go as they should: kills, disconnects, limits, full disks, hostile input."""

import http.client
import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.build_traces import leftovers
from tests.support.builds import Built, build, context, run_in, scow_build
from tests.support.daemons import Daemon
from tests.support.disks import full
from tests.support.http import UnixConnection
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    if not scow_daemon.running:
        scow_daemon.start()
    for image in scow_daemon.api("GET", "/images/json?all=1").json:
        if not any(tag.startswith("busybox") for tag in image["RepoTags"] or ()):
            scow_daemon.api("DELETE", f"/images/{image['Id']}?force=1")


def in_background(work: Callable[[], Built]) -> tuple[threading.Thread, list[Built]]:
    done: list[Built] = []

    def run() -> None:
        with suppress(OSError, http.client.HTTPException, ValueError):
            done.append(work())

    thread = threading.Thread(target=run)
    thread.start()
    return thread, done


def test_a_killed_engine_leaves_nothing_and_goes_on_from_what_was_done(scow_daemon: Daemon) -> None:
    daemon = scow_daemon
    dockerfile = "FROM busybox\nRUN echo first >/first\nRUN echo second >/second; {}\n"
    slow = dockerfile.format("sleep 4321")
    thread, _ = in_background(lambda: build(daemon, slow))
    wait_until(lambda: daemon.programs("sleep 4321"), "the second step runs")
    daemon.kill9()
    thread.join()
    daemon.start()
    wait_until(lambda: not daemon.programs("sleep 4321"), "the program has ended")
    wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")
    built = build(daemon, dockerfile.format("true"))
    assert built.hits >= 1, built.text
    assert built.id


def test_a_kill_at_any_time_of_a_copy_leaves_nothing(scow_daemon: Daemon) -> None:
    daemon = scow_daemon
    files = {f"f{number}": "x" * 5000 for number in range(1500)}
    tar = context({"Dockerfile": "FROM busybox\nCOPY . /app/\nRUN true\n", **files})
    for delay_s in (0.05, 0.2, 0.35, 0.5):
        thread, _ = in_background(lambda: build(daemon, None, tar=tar))
        time.sleep(delay_s)  # not a wait: where it hits does not matter
        daemon.kill9()
        thread.join()
        daemon.start()
        wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")
        assert not list((daemon.data_root / "tmp").glob("builds/*"))
    assert build(daemon, None, tar=tar, t="copied").id
    assert run_in(daemon, "copied", "ls", "/app").count("\n") == 1501


def test_a_client_that_goes_away_ends_its_build(scow_daemon: Daemon) -> None:
    daemon = scow_daemon
    connection = UnixConnection(str(daemon.socket))
    connection.request(
        "POST",
        "/build",
        context({"Dockerfile": "FROM busybox\nRUN sleep 4322\n"}),
        {"Content-Type": "application/x-tar"},
    )
    wait_until(lambda: daemon.programs("sleep 4322"), "the step runs")
    connection.close()
    wait_until(lambda: not daemon.programs("sleep 4322"), "the program has ended")
    wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")


def test_builds_share_what_both_want_and_it_ends_with_the_last_of_them(scow_daemon: Daemon) -> None:
    daemon = scow_daemon
    shared = "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/id; sleep 1.5\n"
    one, first = in_background(lambda: build(daemon, shared + "RUN cat /id; echo one\n"))
    two, second = in_background(lambda: build(daemon, shared + "RUN cat /id; echo two\n"))
    one.join()
    two.join()
    ids = {
        next(line for line in built.text.splitlines() if line.count("-") == 4) for built in (*first, *second)
    }
    assert len(ids) == 1
    waiting = "FROM busybox\nRUN until [ -e /go ]; do sleep 0.1; done; echo shared\n"
    thread, done = in_background(lambda: build(daemon, waiting))
    step = wait_until(lambda: daemon.programs("until [ -e /go ]"), "the step runs")[0]
    connection = UnixConnection(str(daemon.socket))
    connection.request("POST", "/build", context({"Dockerfile": waiting}))
    connection.close()
    Path(f"/proc/{step}/root/go").touch()
    thread.join()
    assert "shared" in done[0].text
    assert done[0].id


def test_a_program_that_needs_too_much_memory_is_killed(scow_daemon: Daemon) -> None:
    dockerfile = "FROM busybox\nRUN head -c 200m /dev/zero | tail >/dev/null\n"
    built = build(scow_daemon, dockerfile, memory=str(32 << 20), memswap=str(32 << 20))
    assert "returned a non-zero code: 137" in built.error


def test_buildkits_words_for_it_name_the_cause(scow_daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN head -c 200m /dev/zero | tail >/dev/null\n")
    told = scow_build(scow_daemon, "-m", "32m", "--memory-swap", "32m", str(tmp_path), code=1).err
    assert 'tail >/dev/null" did not complete successfully: cannot allocate memory\n' in told


def test_a_full_disk_is_said_and_leaves_nothing(scow_daemon: Daemon) -> None:
    daemon = scow_daemon
    tar = context({"Dockerfile": "FROM busybox\nCOPY f /f\nRUN cp /f /g\n", "f": b"x" * (4 << 20)})
    with full(daemon.data_root):
        built = build(daemon, None, tar=tar)
        assert "no space left on device" in built.error.lower() or "disk is full" in built.error, built.error
        assert "Traceback" not in built.error
    wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")
    assert build(daemon, None, tar=tar).id


@pytest.mark.parametrize("kind", ["outside", "device", "through a symlink"])
def test_hostile_archives_do_no_harm(scow_daemon: Daemon, kind: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        if kind == "outside":
            info = tarfile.TarInfo("../../../../tmp/escaped")
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
        elif kind == "device":
            info = tarfile.TarInfo("fifo")
            info.type = tarfile.FIFOTYPE
            tar.addfile(info)
        else:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, "../../../../../../tmp"
            tar.addfile(info)
            info = tarfile.TarInfo("link/escaped")
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    built = build(scow_daemon, "FROM busybox\nADD a.tar /in/\n", {"a.tar": out.getvalue()}, t="hostile")
    assert not Path("/tmp/escaped").exists()
    if kind == "outside":
        assert "leads out" in built.error
    elif kind == "through a symlink":
        assert run_in(scow_daemon, "hostile", "cat", "/tmp/escaped") == "x"
    else:
        assert built.id


def test_contexts_that_are_none_are_refused(scow_daemon: Daemon) -> None:
    for data, words in (
        (b"no tar at all" * 100, "tar"),
        (context({"Dockerfile": "FROM x\n" * 999})[:2000], "EOF"),
    ):
        built = build(scow_daemon, None, tar=data)
        assert built.status == 400
        assert words in built.error
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../Dockerfile"))
    assert "leads out of the build context" in build(scow_daemon, None, tar=tar.getvalue()).error


def test_five_hundred_stages(scow_daemon: Daemon) -> None:
    text = "FROM busybox AS s0\n" + "".join(f"FROM s{n - 1} AS s{n}\nENV V{n}=1\n" for n in range(1, 500))
    built = build(scow_daemon, text)
    assert len(scow_daemon.api("GET", f"/images/{built.id}/json").json["Config"]["Env"]) == 500


@pytest.mark.parametrize("half", ["", "files", "files/seeded"])
def test_a_cache_mount_that_was_being_made_is_no_more(scow_daemon: Daemon, half: str) -> None:
    """Its description is written last, before a program sees it."""
    mounts = scow_daemon.data_root / "build" / "cache-mounts"
    made = mounts / ("a" * 64)
    build(scow_daemon, "FROM busybox\nRUN --mount=type=cache,target=/cache echo kept >/cache/file\n")
    used = {it.name for it in mounts.iterdir()}
    scow_daemon.kill9()
    (made / half).mkdir(parents=True)
    (mounts / used.copy().pop() / "about.json.01234567").write_text("{")
    scow_daemon.start()
    assert {it.name for it in mounts.iterdir()} == used
    assert sorted(it.name for it in (mounts / used.pop()).iterdir()) == ["about.json", "files"]
    told = build(
        scow_daemon, "FROM busybox\nRUN --mount=type=cache,target=/cache cat /cache/file\n", nocache="1"
    ).text
    assert "kept\n" in told
