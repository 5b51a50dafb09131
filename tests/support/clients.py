"""A command line on a daemon: the real ``docker`` or ``scow``, the same calls for both."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment, program
from tests.support.http import Answer
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.support.daemons import Daemon


class CommandError(AssertionError):
    """A command that should have succeeded did not."""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Client:
    """``client("run", "--rm", "busybox", "true")`` runs that on the daemon with one of the command lines."""

    def __init__(self, command: str, daemon: "Daemon", home: Path) -> None:
        self.command = command
        self.daemon = daemon
        self.env = clean_environment(home) | {"DOCKER_HOST": daemon.host}
        self._program = program("scow") if command == "scow" else command
        self._started: list[subprocess.Popen[bytes]] = []

    def argv(self, *args: str) -> list[str]:
        # In the daemon's network, so that what a command says about addresses and ports is true for it.
        return self.daemon.namespace.command(self._program, *args)

    def __call__(
        self,
        *args: str,
        code: int | None = 0,
        input: str | bytes | None = None,
        env: dict[str, str] | None = None,
        timeout_s: float = 120,
    ) -> Result:
        """Run to the end. ``code``: the exit code that must come, None for any."""
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            self.argv(*args),
            env=self.env | (env or {}),
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout_s,
        )
        result = Result(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        if code is not None and result.code != code:
            raise CommandError(
                f"{self.command} {' '.join(args)}: exit {result.code}, expected {code}\n"
                f"{result.err}{result.out}"
            )
        return result

    def text(self, *args: str, input: str | bytes | None = None, timeout_s: float = 120) -> str:
        """Standard output without the last newline."""
        return self(*args, input=input, timeout_s=timeout_s).out.rstrip("\n")

    def popen(self, *args: str) -> "subprocess.Popen[bytes]":
        """Start and do not wait; all three streams are pipes."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(self.argv(*args), env=self.env, stdin=pipe, stdout=pipe, stderr=pipe)
        self._started.append(process)
        return process

    def end_processes(self) -> None:
        """Kill what ``popen`` started and a test did not wait for."""
        while self._started:
            process = self._started.pop()
            if process.poll() is None:
                process.kill()
            process.communicate()

    def terminal(self, *args: str, rows: int = 24, columns: int = 80) -> Terminal:
        """Start on a pseudo-terminal."""
        return Terminal(self.argv(*args), self.env, rows, columns)

    def start(self, *args: str) -> str:
        """``run -d`` with ``args``; returns the container's id."""
        return self.text("run", "-d", *args)

    def inspect(self, reference: str, template: str) -> str:
        return self.text("inspect", "--format", template, reference)

    def status(self, reference: str) -> str:
        """The container's state, as in ``inspect``."""
        return self.inspect(reference, "{{.State.Status}}")

    def api(self, method: str, target: str, body: object = None) -> Answer:
        """One HTTP request to the same daemon."""
        return self.daemon.api(method, target, body)
