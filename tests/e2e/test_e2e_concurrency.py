"""Several clients at the same container at once: only documented errors, no hang, nothing left.

What they do is drawn from a seed, which a failure names. Every answer must be one that the API document has
for that call; a "500" is only what Docker itself says to a race: the container ended under the request.
"""

import random
import threading
from dataclasses import dataclass, field

import pytest

from tests.support.daemons import Daemon
from tests.support.live_folders import entries
from tests.support.waiting import wait_until

_ROUNDS = 50
_NAMES = ("one", "two")
_HANG_S = 120.0
_BODY = {"Image": "busybox", "Cmd": ["sleep", "600"], "StopTimeout": 0, "Volumes": {"/data": {}}}

# Method, target, and the statuses that the API has for it.
_CALLS: tuple[tuple[str, str, object, frozenset[int]], ...] = (
    ("POST", "/containers/create?name={name}", _BODY, frozenset({201, 409})),
    ("POST", "/containers/create?name={name}", _BODY, frozenset({201, 409})),
    ("POST", "/containers/create?name={name}", _BODY, frozenset({201, 409})),
    ("POST", "/containers/{name}/start", None, frozenset({204, 304, 404, 409})),
    ("POST", "/containers/{name}/start", None, frozenset({204, 304, 404, 409})),
    ("POST", "/containers/{name}/stop?t=0", None, frozenset({204, 304, 404})),
    ("POST", "/containers/{name}/restart?t=0", None, frozenset({204, 404, 409})),
    ("POST", "/containers/{name}/kill", None, frozenset({204, 404, 409})),
    ("POST", "/containers/{name}/pause", None, frozenset({204, 404, 409})),
    ("POST", "/containers/{name}/unpause", None, frozenset({204, 404, 409, 500})),
    ("POST", "/containers/{name}/rename?name={other}", None, frozenset({204, 400, 404, 409})),
    ("POST", "/containers/{name}/update", {"CpuShares": 300}, frozenset({200, 404, 500})),
    ("DELETE", "/containers/{name}?v=1", None, frozenset({204, 404, 409})),
    ("DELETE", "/containers/{name}?force=1&v=1", None, frozenset({204, 404, 409})),
    ("GET", "/containers/{name}/json", None, frozenset({200, 404})),
    ("GET", "/containers/json?all=1&size=1", None, frozenset({200})),
)
# The name was that of another container a moment ago, or the process ended in between.
_RACES = ("is not paused", "is not running", "container is marked for removal")


@dataclass
class Person:
    """One client: a random sequence of calls, and what was wrong with the answers."""

    daemon: Daemon
    seed: int
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        draw = random.Random(self.seed)
        for _ in range(_ROUNDS):
            if draw.random() < 0.15:
                self._exec(draw.choice(_NAMES))
                continue
            method, target, body, allowed = draw.choice(_CALLS)
            name, other = draw.sample(_NAMES, 2)
            self._ask(method, target.format(name=name, other=other), body, allowed)

    def _ask(self, method: str, target: str, body: object, allowed: frozenset[int]) -> object:
        try:
            answer = self.daemon.api(method, target, body, timeout_s=_HANG_S)
        except OSError as exc:
            self.wrong.append(f"{method} {target}: {exc!r}")
            return None
        if answer.status not in allowed or (
            answer.status == 500 and not any(words in answer.message for words in _RACES)
        ):
            self.wrong.append(f"{method} {target}: {answer.status} {answer.body.decode()}")
        return answer.json if answer.body else None

    def _exec(self, name: str) -> None:
        body = {"Cmd": ["true"], "AttachStdout": True}
        made = self._ask("POST", f"/containers/{name}/exec", body, frozenset({201, 404, 409}))
        if isinstance(made, dict) and "Id" in made:
            allowed = frozenset({200, 404, 409, 500})
            try:
                answer = self.daemon.api("POST", f"/exec/{made['Id']}/start", {"Detach": True}, _HANG_S)
            except OSError as exc:
                self.wrong.append(f"exec in {name}: {exc!r}")
                return
            if answer.status not in allowed:
                self.wrong.append(f"exec in {name}: {answer.status} {answer.message}")


def state_is_true(daemon: Daemon) -> None:
    for found in daemon.api("GET", "/containers/json?all=1").json:
        state = daemon.api("GET", f"/containers/{found['Id']}/json").json["State"]
        alive = state["Status"] in ("running", "paused")
        assert alive == bool(state["Pid"]), state
        assert state["Status"] in ("created", "running", "paused", "exited"), state


@pytest.mark.parametrize(("people", "seed"), [(2, 1), (2, 2), (2, 3), (8, 4), (8, 5), (8, 6)])
def test_at_one_container(scow_daemon: Daemon, people: int, seed: int) -> None:
    persons = [Person(scow_daemon, seed * 1000 + number) for number in range(people)]
    threads = [threading.Thread(target=person.run) for person in persons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # every request has an end
    wrong = [text for person in persons for text in person.wrong]
    assert not wrong, f"seed {seed}:\n" + "\n".join(wrong)
    state_is_true(scow_daemon)
    log = scow_daemon.log.read_text()
    assert "Traceback" not in log, log[-4000:]
    scow_daemon.remove_containers()
    wait_until(lambda: not nothing_left(scow_daemon), "nothing is left")


def nothing_left(daemon: Daemon) -> list[str]:
    data, run = daemon.data_root, daemon.exec_root
    folders = (data / "containers", data / "volumes", run / "bundles", run / "runc", run / "crun")
    return [
        f"{folder}/{name}" for folder in folders for name in entries(folder) if name != ".cache"
    ] + daemon.veths()
