"""``scow build`` beside ``buildah build``, the same Dockerfile and files in turns: first, then again."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks.buildah import Buildah, buildah
from benchmarks.case import Case, Sample, Scale
from benchmarks.cases.builds import (
    CACHED,
    COPY,
    JOINED,
    MODERN,
    STAGES,
    WRITTEN_S,
    context_files,
    forget,
    write_context,
)
from benchmarks.engines import Engine
from tests.support.disks import mounted_tmpfs
from tests.support.environment import run_dir

_STEPS = 20


def _steps(stamp: str) -> str:
    return "FROM busybox\n" + "".join(f"RUN echo {stamp} {number} >/f{number}\n" for number in range(_STEPS))


def _stages(stamp: str) -> str:
    return STAGES.replace("{stamp}", stamp) + JOINED


def _copy(stamp: str) -> str:
    return f"{COPY}LABEL at={stamp}\n"


def _thirty(stamp: str) -> str:
    return CACHED.replace("ENV A0=1", f"ENV A0={stamp}")


def _beside(
    dockerfile: Callable[[str], str], files: Callable[[Scale], Mapping[str, bytes]] = lambda scale: {}
) -> Callable[[Engine, Scale], AbstractContextManager[Sample]]:
    """The work of builds of ``dockerfile`` of a stamp, in a context with ``files``."""

    @contextmanager
    def work(engine: Engine, scale: Scale) -> Iterator[Sample]:
        with buildah() as other, mounted_tmpfs(run_dir() / "beside-buildah") as context:
            write_context(context, {"a/a.txt": b"hello", **files(scale)})
            time.sleep(WRITTEN_S)

            def sample() -> dict[str, float]:
                (context / "Dockerfile").write_text(dockerfile(str(time.monotonic_ns())))
                found: dict[str, float] = {}
                for round_ in ("first", "again"):
                    os.sync()
                    found[f"{round_}, buildah s"] = theirs = other.build(context)
                    found[f"{round_}, scow build s"] = ours = _built(engine, context)
                    found[f"{round_}, ratio"] = ours / theirs
                _forget(engine, other)
                return found

            yield sample

    return work


def _built(engine: Engine, context: Path) -> float:
    words = ("build", "-q", "-t", "beside", str(context))
    return engine.run(*words, client="scow", environment=MODERN)[0]


def _forget(engine: Engine, other: Buildah) -> None:
    forget(engine, "beside")
    other.run("rmi", "built")
    other.run("rmi", "--prune")


CASES = (
    Case("buildah-steps", "20 RUN steps, scow build beside buildah", _beside(_steps), slow=True, alone=True),
    Case(
        "buildah-context",
        "a context of 20,000 files, scow build beside buildah",
        _beside(_copy, lambda scale: context_files(scale.context_files)),
        slow=True,
        alone=True,
    ),
    Case(
        "buildah-stages",
        "four independent stages of one second each, scow build beside buildah",
        _beside(_stages),
        slow=True,
        alone=True,
    ),
    Case(
        "buildah-cached",
        "30 instructions, scow build beside buildah",
        _beside(_thirty),
        slow=True,
        alone=True,
    ),
)
