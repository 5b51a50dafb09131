"""Builds: steps, contexts by both doors, independent stages, everything cached."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Sample, Scale, check
from benchmarks.engines import Engine
from tests.support.builds import Built, build, context
from tests.support.disks import mounted_tmpfs
from tests.support.environment import run_dir

_STEPS = 20
_FILE_BYTES = 10_240
_FILES_IN_A_FOLDER = 100
COPY = "FROM busybox\nCOPY . /app/\n"
STAGES = "".join(
    f"FROM busybox AS s{number}\nRUN sleep 1; echo {{stamp}} >/s{number}\n" for number in range(4)
)
JOINED = "FROM busybox\n" + "".join(f"COPY --from=s{number} /s{number} /\n" for number in range(4))
CACHED = (
    "FROM busybox\n"
    + "".join(f"ENV A{number}=1\nRUN echo {number} >/f{number}\n" for number in range(12))
    + 'COPY . /app\nWORKDIR /app\nEXPOSE 80\nLABEL x=y\nCMD ["x"]\n'
)
MODERN = {"DOCKER_BUILDKIT": "1"}
WRITTEN_S = 2.5
"""Files younger than this are read again rather than believed to be unchanged."""


def _timed(engine: Engine, **arguments: Any) -> tuple[float, Built]:
    """Seconds of a build by the classic API."""
    began = time.perf_counter()
    built = build(engine.daemon, **arguments)
    took_s = time.perf_counter() - began
    check(not built.error, f"build: {built.error}")
    return took_s, built


def forget(engine: Engine, *images: str) -> None:
    """Forget images and every step of theirs."""
    for image in images:
        engine.api("DELETE", f"/images/{image}?force=1")
    engine.api("POST", "/images/prune?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D")
    engine.api("POST", "/build/prune?all=1")


@contextmanager
def _steps(engine: Engine, scale: Scale) -> Iterator[Sample]:
    def sample() -> dict[str, float]:
        stamp = time.monotonic_ns()
        steps = "".join(f"RUN echo {stamp} {number} >/f{number}\n" for number in range(_STEPS))
        cold_s, first = _timed(engine, dockerfile=f"FROM busybox\n{steps}")
        again_s, second = _timed(engine, dockerfile=f"FROM busybox\n{steps}")
        check(second.hits == _STEPS, f"{second.hits} of {_STEPS} steps were cached")
        forget(engine, first.id)
        return {f"{_STEPS} RUN, cold s": cold_s, "cached ms": again_s * 1000}

    yield sample


def context_files(count: int) -> dict[str, bytes]:
    """A context's files by name."""
    blob = random.Random(count).randbytes(1 << 20)
    span = len(blob) - _FILE_BYTES
    return {
        f"d{number // _FILES_IN_A_FOLDER}/f{number}": blob[number * 37 % span :][:_FILE_BYTES]
        for number in range(count)
    }


@contextmanager
def _sent_context(engine: Engine, scale: Scale) -> Iterator[Sample]:
    files = context_files(scale.context_files)
    folders = dict.fromkeys(name.partition("/")[0] for name in files)

    def sample() -> dict[str, float]:
        # Another Dockerfile each time, so that nothing is known of an earlier sample.
        dockerfile = f"{COPY}LABEL at={time.monotonic_ns()}\n"
        tar = context({"Dockerfile": dockerfile, **folders, **files})
        first_s, first = _timed(engine, dockerfile=None, tar=tar)
        again_s, again = _timed(engine, dockerfile=None, tar=tar)
        check(again.hits == 2, f"{again.hits} steps were cached")
        forget(engine, first.id)
        return {"first s": first_s, "unchanged s": again_s}

    yield sample


def write_context(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


@contextmanager
def _context_in_place(engine: Engine, scale: Scale) -> Iterator[Sample]:
    """scow build where the files lie; dockerd is given them by docker build."""
    client = "scow" if engine.kind == "scowd" else "docker"
    with mounted_tmpfs(run_dir() / f"context-{engine.kind}") as folder:
        write_context(folder, context_files(scale.context_files))
        (folder / "Dockerfile").write_text(COPY)
        time.sleep(WRITTEN_S)

        def built_s() -> float:
            environment = MODERN if client == "scow" else {}
            return engine.run(
                "build", "-q", "-t", "copied", str(folder), client=client, environment=environment
            )[0]

        def sample() -> dict[str, float]:
            os.sync()
            found = {"first s": built_s(), "unchanged s": built_s()}
            forget(engine, "copied")
            return found

        yield sample


@contextmanager
def _independent_stages(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with mounted_tmpfs(run_dir() / f"stages-{engine.kind}") as folder:

        def sample() -> dict[str, float]:
            stages = STAGES.replace("{stamp}", str(time.monotonic_ns()))
            (folder / "Dockerfile").write_text(stages + JOINED)
            words = ("build", "-q", "-t", "staged", str(folder))
            took_s, _ = engine.run(*words, client="scow", environment=MODERN)
            forget(engine, "staged")
            return {"s": took_s}

        yield sample


@contextmanager
def _all_cached(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with mounted_tmpfs(run_dir() / f"cached-{engine.kind}") as folder:
        (folder / "a.txt").write_text("hello")
        (folder / "Dockerfile").write_text(CACHED)

        def sample() -> dict[str, float]:
            took_s, _ = engine.run("build", "-t", "cached", str(folder), client="scow", environment=MODERN)
            return {"ms": took_s * 1000}

        sample()
        yield sample
        forget(engine, "cached")


CASES = (
    Case("build-steps", "20 RUN steps by the classic API, cold and cached", _steps, slow=True),
    Case(
        "build-context-sent",
        "a context of 20,000 files by the classic API, first and unchanged",
        _sent_context,
        slow=True,
    ),
    Case(
        "build-context",
        "the same by scow build on scowd, docker build on dockerd",
        _context_in_place,
        slow=True,
    ),
    Case(
        "build-stages",
        "four independent stages of one second each, scow build",
        _independent_stages,
        alone=True,
    ),
    Case("build-cached", "30 instructions, all cached, scow build", _all_cached, alone=True),
)
