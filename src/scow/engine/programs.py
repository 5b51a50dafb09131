"""Versions of the programs that containers are run with, for ``/version`` and ``/info``.

Each is asked once, and again when its file has changed: a program that was upgraded is told as it is now.
"""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scow.errors import ScowError
from scow.runtime.oci_runtime import OciRuntime

T = TypeVar("T")

_INIT_TIMEOUT_S = 10.0
_FEATURES_KEY = "org.opencontainers.runtime-spec.features"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What a program says of itself; empty where it says nothing."""

    version: str = ""
    commit: str = ""


class Programs:
    """The OCI runtimes and the init program of this engine."""

    def __init__(self, runtimes: Mapping[str, OciRuntime], init_path: str | None) -> None:
        self.init_path = init_path
        self._runtimes = runtimes
        self._versions = _Remembered[Program]()
        self._features = _Remembered[dict[str, Any]]()

    async def runtime(self, name: str) -> Program:
        """An OCI runtime by name; nothing of one that is not there or does not run."""
        runtime = self._runtimes.get(name)
        if runtime is None:
            return Program()
        return await self._versions.get(runtime.program, lambda: _of_runtime(runtime))

    async def init(self) -> Program:
        """The init program of ``--init``."""
        path = self.init_path
        return await self._versions.get(path, lambda: _of_init(path)) if path else Program()

    async def runtimes(self) -> dict[str, dict[str, Any]]:
        """All runtimes as ``/info`` shows them, each with the features that it tells of."""
        return {name: await self._described(runtime) for name, runtime in self._runtimes.items()}

    async def _described(self, runtime: OciRuntime) -> dict[str, Any]:
        found: dict[str, Any] = {"path": runtime.program}
        if runtime.options:
            found["runtimeArgs"] = list(runtime.options)
        if features := await self._features.get(runtime.program, runtime.features):
            found["status"] = {_FEATURES_KEY: json.dumps(features, separators=(",", ":"))}
        return found


class _Remembered(Generic[T]):
    """Answers by program, as long as its file stays the same."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, int], T] = {}

    async def get(self, program: str, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            key = (program, os.stat(program).st_mtime_ns)
        except OSError:
            key = (program, 0)
        if key not in self._answers:
            answer = await ask()
            self._answers = {it: old for it, old in self._answers.items() if it[0] != program}
            self._answers[key] = answer
        return self._answers[key]


async def _of_runtime(runtime: OciRuntime) -> Program:
    try:
        return parse_runtime_version(await runtime.version_text())
    except ScowError as exc:
        _log.warning("version of %s: %s", runtime.program, exc)
        return Program()


async def _of_init(path: str) -> Program:
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except OSError as exc:
        _log.warning("version of %s: %s", path, exc)
        return Program()
    try:
        async with asyncio.timeout(_INIT_TIMEOUT_S):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return Program()
    return parse_init_version(output.decode(errors="replace"))


def parse_runtime_version(text: str) -> Program:
    """``runc version 1.1.5`` and, on a line of its own, ``commit: …``."""
    version = commit = ""
    for line in text.splitlines():
        before, found, after = line.partition(" version ")
        if found and not version and " " not in before:
            version = after.strip()
        elif line.startswith("commit:"):
            commit = line.removeprefix("commit:").strip()
    return Program(version, commit)


def parse_init_version(text: str) -> Program:
    """``tini version 0.19.0 - git.de40ad0``; a distribution's build leaves the second part out."""
    first, _, second = text.strip().partition(" - ")
    commit = second.strip().removeprefix("git.") if second.strip().startswith("git.") else ""
    version = first.strip().removeprefix("tini version ") if first.startswith("tini version ") else ""
    return Program(version, commit)
