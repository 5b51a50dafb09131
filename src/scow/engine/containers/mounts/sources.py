"""What a container's mounts are of: there, or made, or missed in Docker's words. Blocking."""

import errno
import os
from pathlib import Path

from scow.engine.containers.model import MountRecord
from scow.errors import InvalidArgumentError, ScowError
from scow.linux.mounts import propagation_of
from scow.runtime import mounts


def check_bind_source(record: MountRecord) -> None:
    """A ``--mount`` bind needs its source; a ``-v`` bind makes it at start.

    Raises InvalidArgumentError with Docker's message.
    """
    needed = record.type == "bind" and record.from_mounts and not record.create_source
    if needed and not Path(record.source).exists():
        raise InvalidArgumentError(
            f'invalid mount config for type "bind": bind source path does not exist: {record.source}'
        )


def prepare_source(record: MountRecord) -> None:
    """Make the source of a ``-v`` if it is missing; see that it is there and can propagate as asked.

    Raises ScowError, InvalidArgumentError, OSError.
    """
    if record.type == "bind" and record.create_source and not os.path.exists(record.source):
        _make(record.source)
    try:
        os.path.realpath(record.source, strict=True)
    except OSError as exc:
        raise ScowError(
            f'error evaluating symlinks from mount source "{record.source}": '
            f"lstat {exc.filename}: {os.strerror(exc.errno or errno.EIO).lower()}"
        ) from exc
    if record.type == "bind":
        mountpoint, kind = propagation_of(record.source)
        mounts.check_source_propagation(record.propagation, record.source, mountpoint, kind)


def _make(source: str) -> None:
    try:
        os.makedirs(source, mode=0o755, exist_ok=True)
    except OSError as exc:
        raise ScowError(
            f"error while creating mount source path '{source}': mkdir {source}: "
            f"{(exc.strerror or str(exc)).lower()}"
        ) from exc
