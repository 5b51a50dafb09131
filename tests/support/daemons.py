"""An engine under test: scowd, or dockerd as the reference, each alone on a machine of its own making.

The machine is a network namespace, a data root on a fresh ext4 and run files in a folder of the test run.
``running`` makes it, starts the engine, and afterwards proves that the engine left nothing behind:
no process, no mount, no interface. Leftovers are removed all the same, so that one failure does not
become many, and then reported.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tests.support.clients import Client
from tests.support.disks import mounted_ext4, unmount_all
from tests.support.environment import default_runtime, disk_dir, program, run_dir
from tests.support.http import Answer, request
from tests.support.images import busybox_archive
from tests.support.namespaces import NetworkNamespace, network_namespace, uplink_of
from tests.support.present_docker import programs
from tests.support.waiting import wait_until

_numbers = itertools.count()
_STOP_S = 90.0


@dataclass(frozen=True)
class DaemonOptions:
    """What a test module asks of its daemon; give it as the module's ``DAEMON``."""

    args: tuple[str, ...] = ()
    uplink: bool = False
    images: bool = True


class Daemon(ABC):
    """One engine process and its machine. ``host`` is the value for DOCKER_HOST."""

    kind: ClassVar[str]
    # 404: ended by itself with --rm meanwhile. 409: that removal is still under way.
    _removal_statuses: ClassVar[tuple[int, ...]] = (204, 404, 409)

    def __init__(self, folder: Path, namespace: NetworkNamespace, options: DaemonOptions) -> None:
        self.folder = folder
        self.namespace = namespace
        self.options = options
        self.data_root = folder / "data"
        self.exec_root = folder / "exec"
        self.socket = folder / "sock"
        self.pidfile = folder / "pid"
        self.log = folder / "log"
        self.home = folder / "home"
        self.host = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None
        self._client = {command: Client(command, self, self.home) for command in ("docker", "scow")}

    @abstractmethod
    def argv(self) -> list[str]:
        """Command line of the engine, without the options of the module."""

    def docker(self, *args: str, **options: Any) -> Any:
        """Run the real docker command line on this engine; see ``Client``."""
        return self._client["docker"](*args, **options)

    def scow(self, *args: str, **options: Any) -> Any:
        """Run the scow command line on this engine; see ``Client``."""
        return self._client["scow"](*args, **options)

    def client(self, command: str) -> Client:
        return self._client[command]

    def api(self, method: str, target: str, body: object = None, timeout_s: float = 120) -> Answer:
        """One HTTP request over the socket; ``target`` with or without a version."""
        return request(str(self.socket), method, target, body, timeout_s=timeout_s)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, *extra: str) -> None:
        """Start the engine and wait until it answers."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.namespace.command(*self.argv(), *self.options.args, *extra),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, f"{self.kind} answers on {self.socket}")

    def _answers(self) -> bool:
        assert self.running, (
            f"{self.kind} ended with {self.process and self.process.poll()}:\n{self.log_tail()}"
        )
        try:
            return self.api("GET", "/_ping", timeout_s=5).status == 200
        except OSError:
            return False

    def stop(self) -> float:
        """SIGTERM; returns the seconds it took to end."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.kind} still there {_STOP_S:g} s after SIGTERM:\n{self.log_tail()}")
        return time.monotonic() - began

    def kill9(self) -> None:
        """SIGKILL to the engine process, and nothing else."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        if self.running:
            self.stop()
        self.start()

    def processes(self) -> dict[int, str]:
        """The engine's processes with their command lines: all on the host's process ids in our network."""
        found = {}
        for pid in self.namespace.processes():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if line := b" ".join(words).decode(errors="replace").strip():
                found[pid] = line
        return found

    def log_tail(self, size: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def load(self, archive: Path | bytes) -> str:
        """Load an image archive; returns the progress stream, which must not hold an error."""
        data = archive if isinstance(archive, bytes) else archive.read_bytes()
        answer = request(
            str(self.socket),
            "POST",
            "/images/load?quiet=1",
            data,
            headers={"Content-Type": "application/x-tar"},
            timeout_s=300,
        )
        text = answer.body.decode()
        assert answer.status == 200, f"load: {answer.status} {text}"
        assert '"error"' not in text, f"load: {text}"
        return text

    def remove_containers(self) -> None:
        self.ask_for_removals()
        wait_until(self._has_none, "all containers are removed")

    def ask_for_removals(self) -> None:
        """Of all containers, one after the other."""
        for container in self._containers():
            answer = self.api("DELETE", f"/containers/{container['Id']}?force=1&v=1")
            assert answer.status in self._removal_statuses, f"rm {container['Names']}: {answer.message}"

    def _has_none(self) -> bool:
        return not self._containers()

    def _containers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api("GET", "/containers/json?all=1").json
        return found

    def leftovers(self) -> list[str]:
        """What is still there after the containers were removed and the engine was stopped."""
        found = [f"process {pid}: {line}" for pid, line in self.processes().items()]
        found += [f"container process {pid}" for pid in self._container_processes()]
        return found

    def veths(self) -> list[str]:
        """Interfaces of containers in the engine's network."""
        listed = self.namespace.run("ip", "-o", "link", "show", "type", "veth").stdout.splitlines()
        names = [line.split(":")[1].strip().partition("@")[0] for line in listed]
        return [name for name in names if name != "uplink" and not (name[0] == "n" and len(name) == 9)]

    def programs(self, words: str) -> list[int]:
        """Processes in containers of this engine, also of its builds, whose command line has ``words``."""
        return self._container_processes(words)

    def _container_processes(self, words: str = "") -> list[int]:
        """Processes whose root file system is in our data root; with ``words`` in their command line.

        To have it mounted is not enough: every new mount namespace begins as a copy of the machine's.
        """
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ")
                if words.encode() not in line:
                    continue
                if self._is_root_file_system(Path(f"/proc/{entry}/mountinfo").read_text()):
                    found.append(int(entry))
        return found

    def _is_root_file_system(self, mountinfo: str) -> bool:
        """Whether "/" there is an overlay on our snapshots, or a folder of our data root's device."""
        try:
            device = os.stat(self.data_root).st_dev
        except OSError:
            return False
        ours = f"{os.major(device)}:{os.minor(device)}"
        roots = [line for line in mountinfo.splitlines() if line.split()[4] == "/"]
        return any(line.split()[2] == ours or f"upperdir={self.data_root}/" in line for line in roots)

    def kill_leftovers(self) -> None:
        for pid in {*self.processes(), *self._container_processes()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class ScowDaemon(Daemon):
    kind = "scowd"

    def argv(self) -> list[str]:
        return [
            *(program("scowd"), "--data-root", str(self.data_root), "--exec-root", str(self.exec_root)),
            *(
                "--config-file",
                str(self.folder / "daemon.json"),
                "-H",
                self.host,
                "--pidfile",
                str(self.pidfile),
            ),
            *default_runtime(),
        ]


class ReferenceDaemon(Daemon):
    """dockerd with a containerd of its own; its firewall rules stay in its network namespace."""

    kind = "dockerd"
    # 500: it has not heard of the end of what it killed in time, or what it removes is mounted somewhere
    # still. It is asked again.
    _removal_statuses = (204, 404, 409, 500)

    def argv(self) -> list[str]:
        return [
            *("dockerd", "--data-root", str(self.data_root), "--exec-root", str(self.exec_root)),
            *("--config-file", str(self.folder / "daemon.json"), "-H", self.host, "-p", str(self.pidfile)),
        ]

    def _has_none(self) -> bool:
        """Of dockerd one with ``--rm`` that was restarted has been seen to stay: it is asked again."""
        if super()._has_none():
            return True
        self.ask_for_removals()
        return False


class PresentReferenceDaemon(ReferenceDaemon):
    """dockerd 26.1, see ``tests.support.present_docker``."""

    def argv(self) -> list[str]:
        return ["env", f"PATH={programs()}:{os.environ['PATH']}", *super().argv()]


def _tear_down(daemon: Daemon) -> list[str]:
    """Take the engine down and return what it left behind."""
    wrong = []
    try:
        if not daemon.running:
            daemon.start()
        daemon.remove_containers()
        # A veth goes with its namespace, a moment after the last process and descriptor.
        wait_until(lambda: not daemon.veths(), "the interfaces of removed containers are gone")
    except Exception as exc:
        wrong.append(f"containers could not be removed: {exc}")
    try:
        if daemon.running:
            daemon.stop()
    except AssertionError as exc:
        wrong.append(str(exc))
    try:
        wait_until(lambda: not daemon.leftovers(), "no process is left")
    except AssertionError:
        wrong += daemon.leftovers()
        daemon.kill_leftovers()
        wait_until(lambda: not daemon.leftovers(), "the left processes are killed")
    # dockerd keeps the exec root of plugins and its own network namespaces mounted when it stops.
    mounts = unmount_all(daemon.data_root) + unmount_all(daemon.exec_root)
    if daemon.kind == "scowd":
        wrong += [f"mount {point}" for point in mounts]
    return wrong


@contextmanager
def machine(kind: type[Daemon], options: DaemonOptions = DaemonOptions()) -> Iterator[Daemon]:
    """The engine's machine with the engine not started; nothing of it is left afterwards."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    name = f"{worker}d{next(_numbers)}"
    folder = run_dir() / name
    with ExitStack() as stack:
        namespace = stack.enter_context(network_namespace())
        if options.uplink:
            stack.enter_context(uplink_of(namespace))
        folder.mkdir(parents=True)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(mounted_ext4(folder / "data", disk_dir() / f"{name}.ext4"))
        daemon = kind(folder, namespace, options)
        daemon.home.mkdir()
        (folder / "daemon.json").write_text("{}")
        stack.callback(daemon.kill_leftovers)
        yield daemon


@contextmanager
def running(kind: type[Daemon], options: DaemonOptions = DaemonOptions()) -> Iterator[Daemon]:
    """A started engine with the busybox image; fails afterwards if the engine left something behind."""
    with machine(kind, options) as daemon:
        try:
            daemon.start()
            if options.images:
                daemon.load(busybox_archive())
            yield daemon
        finally:
            wrong = _tear_down(daemon)
        assert not wrong, f"{daemon.kind} left behind:\n" + "\n".join(wrong) + f"\n{daemon.log_tail()}"
