"""Questions: lists of many containers and images, inspect."""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.case import Case, Sample, Scale, check
from benchmarks.engines import Engine
from tests.support.http import request

_LISTS = 5
_INSPECTIONS = 50


def _mean_ms(engine: Engine, target: str, times: int) -> tuple[float, object]:
    """The mean of several requests, and the last answer."""
    began = time.perf_counter()
    for _ in range(times):
        found = engine.api("GET", target)
    return (time.perf_counter() - began) * 1000 / times, found


@contextmanager
def _containers(engine: Engine, scale: Scale) -> Iterator[Sample]:
    made = [engine.create() for _ in range(scale.listed)]

    def sample() -> dict[str, float]:
        api_ms, found = _mean_ms(engine, "/containers/json?all=1", _LISTS)
        check(isinstance(found, list) and len(found) == scale.listed, "another number of containers")
        took_s, printed = engine.run("ps", "-a", "-q", "--no-trunc")
        check(set(printed.split()) == set(made), "docker ps: other containers")
        return {f"{scale.listed} by the API ms": api_ms, f"{scale.listed} by docker ps ms": took_s * 1000}

    yield sample
    for container in made:
        engine.remove(container)


@contextmanager
def _inspect(engine: Engine, scale: Scale) -> Iterator[Sample]:
    container = engine.start()

    def sample() -> dict[str, float]:
        api_ms, _ = _mean_ms(engine, f"/containers/{container}/json", _INSPECTIONS)
        took_s, printed = engine.run("inspect", container)
        check(json.loads(printed)[0]["Id"] == container, "docker inspect: another container")
        return {"API ms": api_ms, "docker inspect ms": took_s * 1000}

    yield sample
    engine.remove(container)


def _one_file(number: int) -> bytes:
    """The root file system of an image of its own."""
    out, data = io.BytesIO(), str(number).encode()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("number")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@contextmanager
def _images(engine: Engine, scale: Scale) -> Iterator[Sample]:
    names = [f"listed{number}:1" for number in range(scale.listed)]
    before = len(engine.api("GET", "/images/json"))
    for number, name in enumerate(names):
        target = f"/images/create?fromSrc=-&repo={name.removesuffix(':1')}&tag=1"
        answer = request(str(engine.daemon.socket), "POST", target, _one_file(number))
        check(answer.status == 200, f"import: {answer.body[:200]!r}")

    def sample() -> dict[str, float]:
        api_ms, found = _mean_ms(engine, "/images/json", _LISTS)
        check(isinstance(found, list) and len(found) == before + scale.listed, "another number of images")
        took_s, printed = engine.run("images", "-q")
        check(len(printed.split()) >= scale.listed, "docker images: fewer images")
        return {f"{scale.listed} by the API ms": api_ms, f"{scale.listed} by docker images ms": took_s * 1000}

    yield sample
    for name in names:
        engine.api("DELETE", f"/images/{name}")


CASES = (
    Case("ps", "a list of many containers by the API and by docker ps", _containers),
    Case("inspect", "inspect by the API and by docker inspect", _inspect),
    Case("images-list", "a list of many images by the API and by docker images", _images),
)
