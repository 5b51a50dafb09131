"""The two engines, each alone on a machine of its own, and the ways to put them to work and weigh them."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from benchmarks.processor_group import ProcessorGroup, processor_group
from tests.support.daemons import Daemon, DaemonOptions, ScowDaemon, running
from tests.support.environment import disk_dir, program, run_dir, run_id
from tests.support.http import UnixConnection

IMAGE = "busybox"
_LIMIT_S = 600.0


class WorkError(Exception):
    """A command or a request ended otherwise than it should."""


class Engine:
    """One engine. Requests go over a kept connection of the calling thread."""

    def __init__(self, daemon: Daemon, group: ProcessorGroup) -> None:
        self.daemon = daemon
        self._group = group
        self._local = threading.local()

    @property
    def kind(self) -> str:
        """``dockerd`` or ``scowd``."""
        return self.daemon.kind

    def api(self, method: str, target: str, body: object = None) -> Any:
        """The JSON of an answer, None if there is none. Raises WorkError for an error status."""
        connection = self._connection()
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, target, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise WorkError(f"{self.kind}: {method} {target}: {answer.status} {content[:200]!r}")
        return json.loads(content) if content.strip() else None

    def _connection(self) -> UnixConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = UnixConnection(str(self.daemon.socket), _LIMIT_S)
        found: UnixConnection = self._local.connection
        return found

    def command(self, *words: str, client: str = "docker") -> list[str]:
        """A command line for this engine; ``client`` is ``docker`` or ``scow``."""
        return [program("scow") if client == "scow" else client, *words]

    def environment(self, client: str = "docker") -> dict[str, str]:
        """What a command line needs to find this engine."""
        return self.daemon.client(client).env

    def run(
        self,
        *words: str,
        client: str = "docker",
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
        environment: dict[str, str] | None = None,
    ) -> tuple[float, str]:
        """Run a command line to its end: seconds, and what it printed. Raises WorkError if it fails."""
        began = time.perf_counter()
        done = subprocess.run(
            self.command(*words, client=client),
            env=self.environment(client) | (environment or {}),
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=_LIMIT_S,
        )
        took_s = time.perf_counter() - began
        if done.returncode:
            message = done.stderr.decode(errors="replace").strip()[-300:]
            raise WorkError(f"{self.kind}: {client} {' '.join(words[:3])}: {done.returncode} {message}")
        return took_s, (done.stdout or b"").decode(errors="replace")

    def start(self, name: str = "", *command: str, network: str = "none") -> str:
        """Create and start a container that does nothing, or ``command``; returns its id."""
        container = self.create(name, *command, network=network)
        self.api("POST", f"/containers/{container}/start")
        return container

    def create(self, name: str = "", *command: str, network: str = "none") -> str:
        """Create a container; returns its id."""
        body = {
            "Image": IMAGE,
            "Cmd": list(command) or ["sleep", "100000"],
            "HostConfig": {"NetworkMode": network},
        }
        made = self.api("POST", "/containers/create" + (f"?name={name}" if name else ""), body)
        return str(made["Id"])

    def remove(self, container: str) -> None:
        """Kill and remove a container."""
        self.api("DELETE", f"/containers/{container}?force=1&v=1")

    def process_of(self, container: str) -> int:
        """The first process of a running container."""
        return int(self.api("GET", f"/containers/{container}/json")["State"]["Pid"])

    def processor_s(self) -> float:
        """Processor time of the engine so far, with that of everything it started."""
        return self._group.processor_s()


@contextmanager
def engine(kind: type[Daemon]) -> Iterator[Engine]:
    """A started engine with the busybox image; fails afterwards if it left something behind."""
    with ExitStack() as stack:
        daemon = stack.enter_context(running(kind, DaemonOptions()))
        name = f"scow-benchmark-{run_id()}-{daemon.kind}-{os.getpid()}"
        yield Engine(daemon, stack.enter_context(processor_group(name, daemon.processes())))


@contextmanager
def both_engines(reference: type[Daemon]) -> Iterator[tuple[Engine, Engine]]:
    """dockerd (A) and scowd (B)."""
    try:
        with engine(reference) as a, engine(ScowDaemon) as b:
            yield a, b
    finally:
        for folder in (run_dir(), disk_dir()):
            shutil.rmtree(folder, ignore_errors=True)
