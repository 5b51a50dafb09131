"""Jobs of a pipeline, as bash scripts on an engine."""

import subprocess
from pathlib import Path

from tests.support.daemons import Daemon
from tests.support.environment import clean_environment, program
from tests.support.present_docker import give_plugins
from tests.support.registry import PASSWORD, USER, Registry

_JOB_S = 300


class Pipeline:
    """Runs bash scripts, each as a job of its own: with ``docker``, its plugins, and what is exported.

    ``docker`` is the real one, or scow by that name.
    """

    def __init__(self, engine: Daemon, folder: Path, store: Registry, docker: str = "docker") -> None:
        self.engine = engine
        self._folder = folder
        config = folder / "docker-config"
        self.env = clean_environment(folder) | {
            "DOCKER_HOST": engine.host, "DOCKER_CONFIG": str(config), "DOCKER_BUILDKIT": "1",
            "REGISTRY": store.address, "CI_USER": USER, "CI_PASSWORD": PASSWORD,
        }  # fmt: skip
        if docker == "docker":
            give_plugins(config)
        else:
            (folder / "bin").mkdir()
            (folder / "bin/docker").symlink_to(program(docker))
            self.env["PATH"] = f"{folder}/bin:{self.env['PATH']}"

    def job(self, script: str, code: int = 0, timeout_s: float = _JOB_S, **env: str) -> str:
        """Its standard output."""
        argv = self.engine.namespace.command("bash", "-euo", "pipefail", "-c", script)
        done = subprocess.run(
            argv, env=self.env | env, cwd=self._folder, capture_output=True, text=True, timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout
