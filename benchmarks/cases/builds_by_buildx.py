"""Builds by the real ``docker buildx build``, on scowd and on the BuildKit of dockerd 26.1."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.case import Case, Sample, Scale, check
from benchmarks.cases.builds import CACHED, COPY, WRITTEN_S, context_files, write_context
from benchmarks.engines import Engine
from tests.support.buildx import Buildx
from tests.support.daemons import PresentReferenceDaemon
from tests.support.disks import mounted_tmpfs
from tests.support.environment import run_dir

_STEPS = 20
_TAG = "by-buildx"


@contextmanager
def _client(engine: Engine, dockerfile: str) -> Iterator[Buildx]:
    """The plugin with a context of its own; afterwards nothing is known of its builds."""
    with mounted_tmpfs(run_dir() / f"buildx-{engine.kind}") as home:
        context = home / "context"
        context.mkdir()
        client = Buildx(engine.daemon, context)
        client.write("Dockerfile", dockerfile)
        yield client
        _forget(client)


def _forget(client: Buildx) -> None:
    client.daemon.api("DELETE", f"/images/{_TAG}?force=1")
    client.other("prune", "--all", "--force")


def _built(client: Buildx) -> tuple[float, int]:
    """Seconds of a build, and how many steps were cached."""
    began = time.perf_counter()
    progress = client("-t", _TAG).stderr
    return time.perf_counter() - began, progress.count(" CACHED\n")


@contextmanager
def _context(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with _client(engine, COPY) as client:
        write_context(client.context, context_files(scale.context_files))
        time.sleep(WRITTEN_S)

        def sample() -> dict[str, float]:
            _forget(client)
            os.sync()
            (first_s, _), (again_s, cached) = _built(client), _built(client)
            check(cached == 1, f"{cached} steps were cached")
            return {"first s": first_s, "unchanged s": again_s}

        yield sample


@contextmanager
def _unchanged_context(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with _client(engine, COPY) as client:
        write_context(client.context, context_files(scale.context_files))
        time.sleep(WRITTEN_S)
        _built(client)

        def sample() -> dict[str, float]:
            took_s, cached = _built(client)
            check(cached == 1, f"{cached} steps were cached")
            return {"s": took_s}

        yield sample


@contextmanager
def _steps(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with _client(engine, "") as client:

        def sample() -> dict[str, float]:
            stamp = time.monotonic_ns()
            steps = "".join(f"RUN echo {stamp} {number} >/f{number}\n" for number in range(_STEPS))
            client.write("Dockerfile", f"FROM busybox\n{steps}")
            (cold_s, _), (again_s, cached) = _built(client), _built(client)
            check(cached == _STEPS, f"{cached} of {_STEPS} steps were cached")
            return {f"{_STEPS} RUN, cold s": cold_s, "cached ms": again_s * 1000}

        yield sample


@contextmanager
def _all_cached(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with _client(engine, CACHED) as client:
        client.write("a.txt", "hello")
        _built(client)

        def sample() -> dict[str, float]:
            return {"ms": _built(client)[0] * 1000}

        yield sample


@contextmanager
def _small(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with _client(engine, "FROM busybox\nCOPY a.txt /\nRUN cat a.txt\n") as client:

        def sample() -> dict[str, float]:
            client.write("a.txt", str(time.monotonic_ns()))
            return {"COPY and RUN ms": _built(client)[0] * 1000}

        yield sample


CASES = (
    Case(
        "buildx-context",
        "a context of 20,000 files by docker buildx build, first and unchanged",
        _context,
        slow=True,
        reference=PresentReferenceDaemon,
    ),
    Case(
        "buildx-unchanged",
        "the same, unchanged only",
        _unchanged_context,
        reference=PresentReferenceDaemon,
    ),
    Case(
        "buildx-steps",
        "20 RUN steps by docker buildx build, cold and cached",
        _steps,
        slow=True,
        reference=PresentReferenceDaemon,
    ),
    Case(
        "buildx-cached",
        "30 instructions, all cached, docker buildx build",
        _all_cached,
        reference=PresentReferenceDaemon,
    ),
    Case(
        "buildx-small",
        "one COPY and one RUN, docker buildx build",
        _small,
        reference=PresentReferenceDaemon,
    ),
)
