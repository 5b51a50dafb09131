"""The real ``docker buildx build`` on an engine."""

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.daemons import Daemon
from tests.support.environment import clean_environment
from tests.support.present_docker import give_plugins

_BUILD_S = 240

Done = subprocess.CompletedProcess[str]


class Buildx:
    """The plugin, with one engine and one context, whose parent folder is its home."""

    def __init__(self, daemon: Daemon, context: Path) -> None:
        self.context = context
        self.daemon = daemon
        config = context.parent / "docker-config"
        give_plugins(config)
        self._always: tuple[str, ...] = ()
        self._environment = clean_environment(context.parent) | {
            "DOCKER_CONFIG": str(config),
            "DOCKER_HOST": daemon.host,
            "DOCKER_BUILDKIT": "1",
        }

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """A file of the context."""
        file = self.context / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)

    def remote(self, *always: str) -> None:
        """From now on by the remote driver, which speaks BuildKit's protocol; with ``always`` given."""
        self.other("create", "--name", "remote", "--driver", "remote", self.daemon.host)
        self._always = ("--builder", "remote", *always)

    def inspected(self, name: str) -> Any:
        """The raw manifest or index of a name in a registry that the engine reaches."""
        return json.loads(self.daemon.scow("buildx", "imagetools", "inspect", "--raw", name).out)

    def command(self, *arguments: str) -> list[str]:
        return ["docker", "buildx", "build", "--progress", "plain", *self._always, *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A build that goes on while the test does."""
        return subprocess.Popen(
            [*self.command(*arguments), str(self.context)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __call__(self, *arguments: str, code: int = 0, stdin: bytes = b"", context: str = "") -> Done:
        """Build, and check the exit code. The progress is in ``stderr``."""
        done = subprocess.run(
            [*self.command(*arguments), context or str(self.context)],
            env=self._environment,
            input=stdin,
            capture_output=True,
            timeout=_BUILD_S,
        )
        out, err = (data.decode(errors="replace") for data in (done.stdout, done.stderr))
        assert done.returncode == code, f"{done.returncode}: {out}{err}"
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def run(self, *arguments: str) -> str:
        return str(self.daemon.docker("run", "--rm", *arguments).out)

    def bootstrap(self) -> str:
        """Start the builder; it is asked again on a slow machine, where buildx waits 15 seconds in vain."""
        for _ in range(5):
            with suppress(AssertionError):
                return str(self.other("inspect", "--bootstrap").stdout)
        return str(self.other("inspect", "--bootstrap").stdout)

    def other(self, *arguments: str, code: int = 0, **environment: str) -> Done:
        """Another command of the plugin."""
        done = subprocess.run(
            ["docker", "buildx", *arguments],
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=_BUILD_S,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done
