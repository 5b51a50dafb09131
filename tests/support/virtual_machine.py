"""A virtual machine with nothing but cgroup version 2, with a scowd: the same calls as for other engines.

The machine runs on an emulated processor (about twenty times slower than the real one), so that any host can
have it. Its engine is reached over TCP; the engine's kernel by shell scripts, see ``Machine.shell``.
"""

import http.client
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from tests.support.daemons import Daemon, DaemonOptions
from tests.support.environment import disk_dir, run_dir
from tests.support.http import Answer
from tests.support.images import busybox_archive
from tests.support.namespaces import NetworkNamespace
from tests.support.virtual_disks import Disks, machine_disks, source_disk
from tests.support.waiting import wait_until

# Where other tests keep the cores busy, a start takes a minute: it is 400 modules on an emulated processor.
_BOOT_S = 480.0
_START_S = 360.0
_SCRIPT_S = 120.0
_SCOWD_PORT, _SHELL_PORT = 2375, 2222
_SOCKET = "/run/scow.sock"
# Without the wide registers of later ones, which the emulator is slow at: Python starts twice as fast.
_PROCESSOR = "Nehalem,+rdrand"
# In a control group of its own, as a service manager starts it: the root group has no limits, so nobody could
# tell there whether swap has any.
_START = f"""\
cd /sys/fs/cgroup && mkdir -p system.slice/scow.service
for group in . system.slice; do echo +memory +cpu +pids >$group/cgroup.subtree_control; done
echo $$ >system.slice/scow.service/cgroup.procs
cd /
export PYTHONPATH=/scow:/site PYTHONDONTWRITEBYTECODE=1
setsid python3 -s -m scow.daemon -H tcp://0.0.0.0:{_SCOWD_PORT} -H unix://{_SOCKET} --group root OPTIONS \\
    >>/tmp/scowd.log 2>&1 </dev/null &
echo $!
"""


class _HostNetwork(NetworkNamespace):
    """Where the machine's ports are: the network of the tests themselves."""

    def command(self, *argv: str) -> list[str]:
        return list(argv)


class MachineDaemon(Daemon):
    """The scowd of a machine that runs."""

    kind = "scowd on cgroup version 2"

    def __init__(self, folder: Path, ports: tuple[int, int]) -> None:
        super().__init__(folder, _HostNetwork("host"), DaemonOptions())
        self._port, self._shell_port = ports
        self.host = f"tcp://127.0.0.1:{self._port}"
        for client in self._client.values():
            client.env["DOCKER_HOST"] = self.host
        self._pid = 0

    def argv(self) -> list[str]:
        """Not started on this machine."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """In the machine."""
        return self._pid

    @property
    def running(self) -> bool:
        return self._pid != 0

    def shell(self, script: str, timeout_s: float = _SCRIPT_S) -> str:
        """What a script prints in the machine, as root."""
        with closing(socket.create_connection(("127.0.0.1", self._shell_port), timeout=timeout_s)) as sock:
            sock.sendall(f"{{\n{script}\n}} 2>&1\nexit\n".encode())
            pieces = []
            while piece := sock.recv(1 << 16):
                pieces.append(piece)
        return b"".join(pieces).decode(errors="replace")

    def start(self, *extra: str) -> None:
        self._pid = int(self.shell(_START.replace("OPTIONS", " ".join(extra))))
        wait_until(self._answers, f"{self.kind} answers", _START_S)

    def _answers(self) -> bool:
        assert self.shell(f"ls -d /proc/{self._pid}").startswith("/proc/"), f"scowd ended:\n{self.log_tail()}"
        try:
            return self.api("GET", "/_ping", timeout_s=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def kill9(self) -> None:
        self.shell(f"kill -9 {self._pid}; while [ -d /proc/{self._pid} ]; do sleep 0.1; done")
        self._pid = 0

    def api(self, method: str, target: str, body: object = None, timeout_s: float = 60) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_s)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
        with closing(connection):
            connection.request(method, target, body=data, headers={"Content-Type": kind} if data else {})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())

    def log_tail(self, size: int = 4000) -> str:
        with suppress(OSError):
            return self.shell(f"tail -c {size} /tmp/scowd.log")
        return ""


@contextmanager
def cgroup2_machine() -> Iterator[MachineDaemon]:
    """A machine that has booted, with a started engine and busybox. Raises NotInstalledError."""
    disks = machine_disks()
    with ExitStack() as stack:
        folder, source = run_dir() / "machine", disk_dir() / "source.ext4"
        for place in (folder, source.parent):
            place.mkdir(parents=True, exist_ok=True)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(source.unlink, missing_ok=True)
        source_disk(source)
        daemon = stack.enter_context(_booted(disks, source, folder))
        daemon.home.mkdir()
        daemon.start()
        answer = daemon.api("POST", "/images/load?quiet=1", busybox_archive().read_bytes())
        assert answer.status == 200, answer.body
        yield daemon


def _switched_on(disks: Disks, source: Path, log: Path) -> tuple[subprocess.Popen[bytes], tuple[int, int]]:
    """The machine's process and its ports: others, when somebody was quicker to take one that was free."""
    while True:
        ports = _free_port(), _free_port()
        with open(log, "wb") as console:
            process = subprocess.Popen(
                _command_line(disks, source, ports), stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
        if process.poll() is None or "Could not set up host forwarding" not in log.read_text(
            errors="replace"
        ):
            return process, ports


@contextmanager
def _booted(disks: Disks, source: Path, folder: Path) -> Iterator[MachineDaemon]:
    log = folder / "console"
    process, ports = _switched_on(disks, source, log)
    try:
        daemon = MachineDaemon(folder, ports)

        def booted() -> bool:
            assert process.poll() is None, f"qemu ended:\n{log.read_text(errors='replace')}"
            with suppress(OSError):  # qemu takes connections before anything in the machine does
                return daemon.shell("echo here", timeout_s=5) == "here\n"
            return False

        wait_until(booted, "the machine is up", _BOOT_S)
        yield daemon
    finally:
        process.kill()
        process.wait()


def _command_line(disks: Disks, source: Path, ports: tuple[int, int]) -> list[str]:
    """An emulated processor, for a nested one may hang the kernel. Nothing is written to the root disk."""
    forwards = ",".join(
        f"hostfwd=tcp:127.0.0.1:{port}-:{inside}"
        for port, inside in zip(ports, (_SCOWD_PORT, _SHELL_PORT), strict=True)
    )
    return [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", _PROCESSOR, "-M", "q35", "-smp", "2"),
        *("-m", "1024", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"),
        *("-kernel", str(disks.kernel), "-initrd", str(disks.initrd)),
        *("-append", "console=ttyS0 panic=-1 quiet mitigations=off random.trust_cpu=on"),
        *("-drive", f"file={disks.root},if=virtio,format=raw,cache=unsafe,snapshot=on"),
        *("-drive", f"file={source},if=virtio,format=raw,readonly=on"),
        *("-netdev", f"user,id=net,restrict=on,{forwards}"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
    ]


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])
