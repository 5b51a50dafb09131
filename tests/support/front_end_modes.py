"""A front end that does what the build argument MODE says; it runs in an image, beside ``frontend``."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from frontend import (  # type: ignore[import-not-found]
    Bridge,
    Failed,
    Graph,
    build,
    field,
    fields,
    options,
    read_recipe,
)

CONFIG = {"architecture": "amd64", "os": "linux", "config": {}}


def mkfile(graph: Any, path: str, content: str) -> Any:
    made = field(5, field(1, path) + field(2, 0o644) + field(3, content))
    action = field(1, (1 << 64) - 1) + field(2, (1 << 64) - 1) + field(3, 0) + made
    return graph.add(field(4, field(2, action)))


def file_of(bridge: Any, content: str) -> Any:
    """The name of a result that is one file."""
    graph = Graph()
    return bridge.solve(graph.wanting(mkfile(graph, "/told", content)))


def tell(bridge: Any) -> None:
    variables = {name: it for name, it in os.environ.items() if not name.startswith("BUILDKIT_FRONTEND")}
    workers = json.loads(variables.pop("BUILDKIT_WORKERS"))
    metadata = fields(Path("/run/config/buildkit/metadata/frontend.bin").read_bytes())
    found = {
        "variables": sorted(variables),
        "made": variables["MADE"],
        "options": options(),
        "folder": os.getcwd(),
        "user": os.getuid(),
        "arguments": sys.argv,
        "host": os.uname().nodename,
        "worker": sorted(workers[0]),
        "platform": workers[0]["platforms"][0],
        "source": fields(fields(metadata[1][0])[3][0])[1][0].decode(),
        "session": bool(variables["BUILDKIT_SESSION_ID"]),
        "interfaces": sorted(os.listdir("/sys/class/net")),
    }
    bridge.give_back(file_of(bridge, json.dumps(found)), CONFIG)


def wrong_return(bridge: Any) -> None:
    try:
        bridge.give_back("nothing-of-that-name", CONFIG)
    except Failed as failed:
        bridge.fail(str(failed))


def twice(bridge: Any) -> None:
    bridge.give_back(file_of(bridge, "first"), CONFIG)
    try:
        bridge.fail("second")
    except Failed as failed:
        print(failed, file=sys.stderr)


def warn(bridge: Any) -> None:
    place = field(1, field(1, 2)) + field(2, field(1, 2))
    info = field(1, "Dockerfile") + field(2, "one\ntwo\n")
    said = (
        field(2, 1) + field(3, "beware of it") + field(4, "more of that") + field(5, "https://example.org/w")
    )
    bridge.call("Warn", field(1, "sha256:" + "0" * 64) + said + field(6, info) + field(7, place))
    bridge.give_back(file_of(bridge, "warned"), CONFIG)


def forward(bridge: Any) -> None:
    """By the engine's front end for Dockerfiles, with a label more."""
    given = {**options(), "filename": "Dockerfile.inner"}
    pairs = b"".join(field(3, field(1, name) + field(2, it)) for name, it in given.items())
    answer = bridge.call("Solve", field(2, "dockerfile.v0") + pairs + field(5, 1) + field(6, 1))
    result = fields(answer[3][0])
    said = {fields(it)[1][0]: fields(it)[2][0] for it in result[10]}
    config = json.loads(said[b"containerimage.config"])
    config["config"]["Labels"] = {"forwarded": "yes"}
    bridge.give_back(fields(result[3][0])[1][0].decode(), config)


def resolve(bridge: Any) -> None:
    """Both ways to ask for a config say the same."""
    source = field(1, "docker-image://docker.io/library/busybox:latest")
    answer = bridge.call("ResolveSourceMeta", field(1, source))
    config = json.loads(fields(answer[2][0])[2][0])
    assert config == bridge.image_config("docker.io/library/busybox:latest")
    try:
        bridge.image_config("docker.io/library/there-is-none:latest")
    except Failed:
        bridge.give_back(file_of(bridge, "resolved"), CONFIG)


def platforms(bridge: Any) -> None:
    listed, refs, configs = [], b"", b""
    for machine in ("amd64", "arm64"):
        name = f"linux/{machine}"
        platform = {"os": "linux", "architecture": machine}
        listed.append({"ID": name, "Platform": platform})
        refs += field(1, field(1, name) + field(2, field(1, file_of(bridge, machine))))
        config = json.dumps({**platform, "config": {"Env": [f"M={machine}"]}})
        configs += field(10, field(1, f"containerimage.config/{name}") + field(2, config))
    if "build-arg:UNLISTED" not in options():
        configs += field(10, field(1, "refs.platforms") + field(2, json.dumps({"Platforms": listed})))
    bridge.call("Return", field(1, field(4, refs) + configs))


def hang(bridge: Any) -> None:
    file_of(bridge, "begun")
    print("hanging", file=sys.stderr, flush=True)
    time.sleep(4329)


def rubbish(_bridge: Any) -> None:
    os.write(1, b"this is no HTTP/2\n" * 100)
    time.sleep(4330)


def late(bridge: Any) -> None:
    bridge.give_back(file_of(bridge, "x"), CONFIG)
    sys.exit(5)


MODES: dict[str, Callable[[Any], object]] = {
    "tell": tell,
    "wrong return": wrong_return,
    "twice": twice,
    "warn": warn,
    "forward": forward,
    "hang": hang,
    "resolve": resolve,
    "platforms": platforms,
    "rubbish": rubbish,
    "late": late,
    "unknown": lambda bridge: bridge.call("Nonsense"),
    "nothing": lambda bridge: bridge.call("Ping"),
    "exit": lambda _: sys.exit(3),
    "error": lambda bridge: bridge.fail("the front end says no"),
    "recipe": lambda bridge: build(bridge, read_recipe(bridge)),
}

MODES[options().get("build-arg:MODE", "recipe")](Bridge())
