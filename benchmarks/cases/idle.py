"""Engines that do nothing, and the command line by itself."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.case import Case, Sample, Scale, check
from benchmarks.cases.builds import context_files, write_context
from benchmarks.engines import IMAGE, Engine
from tests.support.buildx import Buildx
from tests.support.daemons import Daemon, running
from tests.support.disks import mounted_tmpfs
from tests.support.environment import program, run_dir
from tests.support.footprint import OwnPythonDaemon, anonymous_kib, pss_kib, switches, wait_until_asleep

_KIB = 1024
_USES = 3


@contextmanager
def _memory(engine: Engine, scale: Scale) -> Iterator[Sample]:
    """Of a scowd of its own, on a Python program that nothing else shares with it."""

    def sample() -> dict[str, float]:
        with running(OwnPythonDaemon) as daemon:
            wait_until_asleep(daemon)
            found = _weights("fresh", daemon)
            for _ in range(_USES):
                daemon.docker("run", "--rm", "-p", "8080:80", "-v", "/data", IMAGE, "true")
            wait_until_asleep(daemon)
            found |= _weights("used", daemon)
            for _ in range(scale.started):
                daemon.docker("run", "-d", "--network", "none", IMAGE, "sleep", "100000")
            daemon.remove_containers()
            wait_until_asleep(daemon)
            return found | _weights(f"after {scale.started} containers", daemon)

    yield sample


def _weights(when: str, daemon: Daemon) -> dict[str, float]:
    return {f"{when} MB": pss_kib(daemon) / _KIB, f"{when}, anonymous MB": anonymous_kib(daemon) / _KIB}


@contextmanager
def _memory_after_builds(engine: Engine, scale: Scale) -> Iterator[Sample]:
    """Of such a scowd, after builds by ``docker buildx build``: of one file, then of a large context."""

    def sample() -> dict[str, float]:
        with running(OwnPythonDaemon) as daemon, mounted_tmpfs(run_dir() / "build-memory") as home:
            context = home / "context"
            context.mkdir()
            client = Buildx(daemon, context)
            client.write("Dockerfile", "FROM busybox\nCOPY . /app/\n")
            client("-t", "built")
            wait_until_asleep(daemon)
            found = _weights("after a small build", daemon)
            write_context(context, context_files(scale.context_files))
            for _ in range(_USES):
                client("-t", "built")
            wait_until_asleep(daemon)
            return found | _weights(f"after builds of {scale.context_files} files", daemon)

    yield sample


@contextmanager
def _wake_ups(engine: Engine, scale: Scale) -> Iterator[Sample]:
    def watched() -> float:
        wait_until_asleep(engine.daemon)
        before = switches(engine.daemon)
        time.sleep(scale.watched_s)
        return switches(engine.daemon) - before

    def sample() -> dict[str, float]:
        none = watched()
        containers = [engine.start() for _ in range(scale.started)]
        some = watched()
        for container in containers:
            engine.remove(container)
        seconds = scale.watched_s
        return {
            f"none running, wake-ups in {seconds} s": none,
            f"{scale.started} running, wake-ups in {seconds} s": some,
        }

    yield sample


def _processor_ms(argv: list[str], environment: dict[str, str]) -> float:
    """Processor time, user and system, of a program from start to end."""
    with subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    check(process.returncode == 0, f"{argv[-1]}: {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


@contextmanager
def _command_line(engine: Engine, scale: Scale) -> Iterator[Sample]:
    """Byte code is written by the first start, as installing writes it."""
    environment = {**engine.environment("scow")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    container = engine.start("shown")
    commands = (
        ["ps"],
        ["version"],
        ["images"],
        ["inspect", "shown"],
        ["run", "-d", "--rm", "busybox", "true"],
    )

    def sample() -> dict[str, float]:
        bare_ms = _processor_ms([sys.executable, "-c", "pass"], environment)
        taken = {
            f"scow {' '.join(words[:2])} ms": _processor_ms([program("scow"), *words], environment)
            for words in commands
        }
        return {"bare interpreter ms": bare_ms, **taken}

    sample()
    yield sample
    engine.remove(container)


CASES = (
    Case(
        "scow-ps",
        "processor time of scow ps and other short commands, and of an interpreter",
        _command_line,
        alone=True,
    ),
    Case("idle-memory", "memory (PSS) of a fresh and of a used scowd", _memory, slow=True, alone=True),
    Case(
        "build-memory",
        "memory (PSS) of a scowd that has built",
        _memory_after_builds,
        slow=True,
        alone=True,
    ),
    Case("wake-ups", "how often an idle scowd is woken", _wake_ups, slow=True, alone=True),
)
