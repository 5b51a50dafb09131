"""SIGHUP: other mirrors, insecure registries and numbers of transfers, without a new start."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.daemons import Daemon
from tests.support.registry import registry
from tests.support.waiting import wait_until

pytestmark = pytest.mark.needs("docker-registry")

_PLAIN = "198.51.100.7:5000"


def reload(engine: Daemon, settings: dict[str, Any]) -> dict[str, str]:
    """Until it has been told of; the attributes of the event."""
    since = time.time()
    (engine.folder / "daemon.json").write_text(json.dumps(settings))
    os.kill(engine.pid, signal.SIGHUP)
    filters = quote(json.dumps({"type": ["daemon"], "event": ["reload"]}))

    def told() -> list[str]:
        past = f"/events?since={since:f}&until={time.time():f}&filters={filters}"
        return engine.api("GET", past).body.decode().splitlines()

    wait_until(lambda: bool(told()), "the reload is told of")
    attributes: dict[str, str] = json.loads(told()[-1])["Actor"]["Attributes"]
    return attributes


def test_registries_are_those_of_the_file_as_it_is_now(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    engine = start_daemon()
    client, namespace = engine.client("docker"), engine.namespace
    namespace.run("ip", "addr", "add", "198.51.100.7/32", "dev", "lo")
    name = f"{_PLAIN}/library/mirrored:1"
    client("tag", "busybox", name)
    with registry(tmp_path, namespace, address=_PLAIN):
        assert "gave HTTP response to HTTPS client" in client("push", name, code=1).err
        told = reload(engine, {"insecure-registries": [_PLAIN]})
        assert told["insecure-registries"] == f'["{_PLAIN}"]'
        client("push", name)
        # Docker Hub is out of reach: what is pulled by its name comes from the mirror, once there is one.
        assert client("pull", "mirrored:1", code=1).err
        mirror = f"http://{_PLAIN}/"
        told = reload(
            engine,
            {
                "registry-mirrors": [mirror],
                "insecure-registries": [_PLAIN],
                "max-concurrent-downloads": 1,
                "max-concurrent-uploads": 7,
                "max-download-attempts": 9,
            },
        )
        assert told["registry-mirrors"] == f'["{mirror}"]'
        assert told["max-concurrent-downloads"] == "1"
        assert told["max-concurrent-uploads"] == "7"
        assert told["max-download-attempts"] == "9"
        client("pull", "mirrored:1")
        info = engine.api("GET", "/info").json["RegistryConfig"]
        assert info["Mirrors"] == [mirror]
        assert info["IndexConfigs"][_PLAIN]["Secure"] is False
        # What is no longer in the file counts no longer.
        reload(engine, {})
        client("rmi", "mirrored:1")
        assert client("pull", "mirrored:1", code=1).err
        assert "gave HTTP response to HTTPS client" in client("push", name, code=1).err
        # One that is wrong changes nothing.
        (engine.folder / "daemon.json").write_text('{"registry-mirrors": ["ftp://x"]}')
        os.kill(engine.pid, signal.SIGHUP)
        wait_until(lambda: "the configuration is not reloaded" in engine.log_tail(), "it is refused")
        assert not engine.api("GET", "/info").json["RegistryConfig"]["Mirrors"]
