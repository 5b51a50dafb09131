"""Containers: starts, execs, many at once, and from a kill to its event."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

from benchmarks.case import Case, Sample, Scale, check
from benchmarks.engines import IMAGE, Engine
from benchmarks.memory import settled_kib
from tests.support.http import UnixConnection

_CLIENTS = 4
_EVENTS = '/events?filters={"event":["die"],"type":["container"]}'
_SUBSCRIBED_S = 0.1


def _starts(*options: str) -> Callable[[Engine, Scale], AbstractContextManager[Sample]]:
    """``docker run --rm`` with ``options``, from the first to the last moment of the command."""

    @contextmanager
    def work(engine: Engine, scale: Scale) -> Iterator[Sample]:
        said = engine.run("run", "--rm", *options, IMAGE, "echo", "hello")[1]
        check(said == "hello\n", f"run printed {said!r}")

        def sample() -> dict[str, float]:
            return {"ms": engine.run("run", "--rm", *options, IMAGE, "true")[0] * 1000}

        yield sample

    return work


@contextmanager
def _exec(engine: Engine, scale: Scale) -> Iterator[Sample]:
    container = engine.start()

    def by_api() -> float:
        began = time.perf_counter()
        made = engine.api("POST", f"/containers/{container}/exec", {"Cmd": ["true"], "AttachStdout": True})[
            "Id"
        ]
        answer = engine.daemon.api("POST", f"/exec/{made}/start", {"Detach": False})
        status = engine.api("GET", f"/exec/{made}/json")["ExitCode"]
        took_s = time.perf_counter() - began
        check(answer.status < 300 and status == 0, f"exec: {answer.status}, exit status {status}")
        return took_s

    def sample() -> dict[str, float]:
        return {"docker exec ms": engine.run("exec", container, "true")[0] * 1000, "API ms": by_api() * 1000}

    yield sample
    engine.remove(container)


@contextmanager
def _kill_to_event(engine: Engine, scale: Scale) -> Iterator[Sample]:
    def sample() -> dict[str, float]:
        container = engine.start()
        events = UnixConnection(str(engine.daemon.socket))
        events.request("GET", _EVENTS.replace('"', "%22"))
        stream = events.getresponse()
        time.sleep(_SUBSCRIBED_S)
        began = time.perf_counter()
        engine.api("POST", f"/containers/{container}/kill")
        event = json.loads(stream.readline())
        took_s = time.perf_counter() - began
        events.close()
        check(event["Actor"]["ID"] == container, f"another container died: {event}")
        check(event["Actor"]["Attributes"].get("exitCode") == "137", f"died otherwise: {event}")
        engine.remove(container)
        return {"ms": took_s * 1000}

    yield sample


@contextmanager
def _burst(engine: Engine, scale: Scale) -> Iterator[Sample]:
    def sample() -> dict[str, float]:
        idle_kib = settled_kib(engine)
        with ThreadPoolExecutor(_CLIENTS) as clients:
            began = time.perf_counter()
            containers = list(clients.map(lambda _: engine.start(network="bridge"), range(scale.started)))
            started_s = time.perf_counter() - began
            running = {found["Id"] for found in engine.api("GET", "/containers/json")}
            check(running >= set(containers), f"{len(running)} of {scale.started} run")
            each_kib = (settled_kib(engine) - idle_kib) / scale.started
            began = time.perf_counter()
            list(clients.map(engine.remove, containers))
            removed_s = time.perf_counter() - began
        check(not engine.api("GET", "/containers/json?all=1"), "containers are left")
        return {
            f"{scale.started} started s": started_s,
            f"{scale.started} removed s": removed_s,
            "memory for each KiB": each_kib,
        }

    yield sample


CASES = (
    Case("run-host", "docker run --rm, host network", _starts("--network", "host")),
    Case("run-bridge", "docker run --rm, bridge network", _starts()),
    Case("run-publish", "docker run --rm, one published port", _starts("-p", "127.0.0.1:18080:80")),
    Case("exec", "exec of true by docker and by the API", _exec),
    Case("kill-event", "from the kill request to the die event", _kill_to_event),
    Case("burst", "many containers from four clients: start, memory for each, remove", _burst, slow=True),
)
