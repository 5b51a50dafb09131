"""A stage while it is evaluated: the config that its image will have, its variables, and what made it."""

import copy
from dataclasses import dataclass, field, replace

import msgspec

from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.variables import Scope, split_env
from scow.build.graph.ops import BaseOp, Vertex
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.oci_image import History
from scow.spec.platform import Platform

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEFAULT_SHELL = ["/bin/sh", "-c"]


@dataclass(frozen=True, slots=True)
class Made:
    """One line of an image's history: ``vertex`` is what changed files, ``None`` if only the config did."""

    text: str
    vertex: Vertex | None = None


@dataclass(slots=True)
class StageState:
    """Changed step by step. ``vertex`` is the file system so far; ``made`` what was done since the base.

    ``as_buildkit``: config and history are those that BuildKit writes, not the classic builder's.
    """

    scope: Scope
    platform: Platform
    base: BaseImage
    vertex: Vertex
    config: ContainerConfig = field(default_factory=ContainerConfig)
    author: str = ""
    has_cmd: bool = False
    made: list[Made] = field(default_factory=list)
    as_buildkit: bool = False
    _env_places: dict[str, int] | None = None
    """Where in the config each variable stands, once one was set."""

    @property
    def shell(self) -> list[str]:
        """What runs commands that are no list."""
        return list(
            _DEFAULT_SHELL if self.config.shell is msgspec.UNSET else self.config.shell or _DEFAULT_SHELL
        )

    @property
    def base_history(self) -> list[History]:
        """The history of the image that the stage began as."""
        return list(self.base.config.history) if self.base.config is not None else []

    def set_env(self, name: str, value: str) -> None:
        """A variable of the image, in its old place if it has one."""
        self.scope.env[name] = value
        self.scope.newer.pop(name, None)
        if self._env_places is None or self.config.env is None:
            self.config.env = [f"{key}={it}" for key, it in self.scope.env.items()]
            self._env_places = {key: place for place, key in enumerate(self.scope.env)}
            return
        place = self._env_places.setdefault(name, len(self.config.env))
        self.config.env[place : place + 1] = [f"{name}={value}"]

    def continued(self, scope: Scope) -> "StageState":
        """A later stage that begins as this one ended. Arguments do not pass over."""
        scope.env = dict(self.scope.env)
        return replace(
            self,
            scope=scope,
            config=copy.deepcopy(self.config),
            has_cmd=False,
            made=list(self.made),
            _env_places=None,
        )


def begin_stage(
    base: BaseImage, scope: Scope, platform: Platform, *, default_path: bool, as_buildkit: bool = False
) -> StageState:
    """A stage on an image. ``default_path``: a PATH is set where the image has none."""
    config = copy.deepcopy(base.config.config) if base.config is not None else ContainerConfig()
    config.open_stdin = config.stdin_once = False
    # An image's config may name the container that it was committed from; its children are none.
    config.hostname = config.domainname = config.image = ""
    scope.env = split_env(config.env or [])
    if default_path and "PATH" not in scope.env:
        scope.env["PATH"] = DEFAULT_PATH
        config.env = [f"{key}={it}" for key, it in scope.env.items()]
    vertex = Vertex(BaseOp(base.reference, base.chain_id), name=f"FROM {base.reference}")
    author = base.config.author if base.config is not None else ""
    return StageState(scope, platform, base, vertex, config, author, as_buildkit=as_buildkit)
