"""Files of containers: what ``archive``, ``changes`` and ``commit`` take and answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from scow.spec.engine_api.body import Body
from scow.spec.engine_api.container import ContainerConfig


class PathStat(msgspec.Struct, kw_only=True, rename="camel"):
    """One file; goes as JSON in base64 in the header ``X-Docker-Container-Path-Stat``.

    ``mode`` is Go's ``os.FileMode``; ``link_target`` is where a symlink leads to within the container.
    """

    name: str
    size: int
    mode: int
    mtime: str
    link_target: str


class FileChange(Body, kw_only=True):
    """One path that is not as the image has it. ``kind``: 0 modified, 1 added, 2 deleted."""

    path: str
    kind: int


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """What a person asks for. ``config`` overrides the container's, ``changes`` are instructions on top."""

    repo: str = ""
    tag: str = ""
    comment: str = ""
    author: str = ""
    changes: Sequence[str] = ()
    pause: bool = True
    config: ContainerConfig | None = None


class CommitResult(Body, kw_only=True):
    """The id of the image that was made."""

    id: str
