"""cp of one large file and of many small ones, in and out; diff, commit and export of what is there then."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks.case import Case, Sample, Scale, check
from benchmarks.engines import Engine
from tests.support.disks import mounted_tmpfs
from tests.support.environment import run_dir

_LEAST, _MOST = 100, 8000
"""Bytes of a small file."""
_SEED = 5


def _make_files(folder: Path, scale: Scale) -> None:
    """``big``, and the folder ``many``, the same at every engine."""
    drawn = random.Random(_SEED)
    with open(folder / "big", "wb") as big:
        for _ in range(scale.copied_mib):
            big.write(drawn.randbytes(1 << 20))
    (folder / "many").mkdir()
    for number in range(scale.copied_files):
        (folder / "many" / f"f{number}").write_bytes(drawn.randbytes(drawn.randint(_LEAST, _MOST)))


def _size(path: Path) -> int:
    return sum(entry.stat().st_size for entry in ([path] if path.is_file() else path.iterdir()))


def _copies(client: str) -> Callable[[Engine, Scale], AbstractContextManager[Sample]]:
    """With ``client`` on scowd, and always ``docker`` on dockerd."""

    @contextmanager
    def work(engine: Engine, scale: Scale) -> Iterator[Sample]:
        container = engine.start()
        program = client if engine.kind == "scowd" else "docker"
        with mounted_tmpfs(run_dir() / f"copies-{engine.kind}-{client}") as folder:
            _make_files(folder, scale)

            def copied_ms(name: str, way: str) -> float:
                back = folder / "back"
                pair = (str(folder / name), f"{container}:/{name}")
                pair = pair if way == "in" else (pair[1], str(back))
                took_s, _ = engine.run("cp", "-q", *pair, client=program)
                if way == "out":
                    check(_size(back) == _size(folder / name), f"cp {name}: other files came out")
                    shutil.rmtree(back) if back.is_dir() else back.unlink()
                return took_s * 1000

            def sample() -> dict[str, float]:
                engine.run("exec", container, "rm", "-rf", "/big", "/many")
                ways = [(name, way) for name in ("big", "many") for way in ("in", "out")]
                return {f"{name} {way} ms": copied_ms(name, way) for name, way in ways}

            yield sample
        engine.remove(container)

    return work


@contextmanager
def _changes(engine: Engine, scale: Scale) -> Iterator[Sample]:
    container = engine.start()
    with mounted_tmpfs(run_dir() / f"changes-{engine.kind}") as folder:
        _make_files(folder, scale)
        engine.run("cp", "-q", str(folder), f"{container}:/changed")

        def exported_s() -> float:
            began = time.perf_counter()
            with open(os.devnull, "wb") as nowhere:
                subprocess.run(
                    engine.command("export", container), env=engine.environment(), stdout=nowhere, check=True
                )
            return time.perf_counter() - began

        def sample() -> dict[str, float]:
            differed_s, printed = engine.run("diff", container)
            check(printed.count("\n") > scale.copied_files, "diff: fewer files")
            committed_s, image = engine.run("commit", container)
            engine.api("DELETE", f"/images/{image.strip()}")
            return {
                "diff ms": differed_s * 1000,
                "commit ms": committed_s * 1000,
                "export ms": exported_s() * 1000,
            }

        yield sample
    engine.remove(container)


CASES = (
    Case(
        "docker-cp",
        "docker cp of one file of 200 MB and of 5,000 files, in and out",
        _copies("docker"),
        slow=True,
    ),
    Case("scow-cp", "the same by scow cp on scowd, against docker cp on dockerd", _copies("scow"), slow=True),
    Case("changes", "diff, commit and export of those files", _changes, slow=True),
)
