"""``--mount type=image``: another image's files in a container, read-only.

Such a mount has a file system of its own in the image store, as the container has: made with it, mounted
while it runs, removed with it. Nobody writes to it; a stack of layers is made visible by no other means.
"""

import hashlib
from collections.abc import Iterator

from scow.engine.containers.model import Container, MountRecord

_ID_LENGTH = 64


def mount_key(container_id: str, record: MountRecord) -> str:
    """The name in the image store of what one of a container's mounts shows."""
    return f"{container_id}-{hashlib.sha256(record.destination.encode()).hexdigest()[:16]}"


def mount_keys(doc: Container) -> Iterator[str]:
    """The names of all of a container's image mounts."""
    return (mount_key(doc.id, record) for record in doc.mounts if record.type == "image")


def container_of(key: str) -> str:
    """The id of the container that a file system in the image store belongs to."""
    return key[:_ID_LENGTH]
