"""Looking at device nodes of the host: what ``--device`` and ``--privileged`` need to know."""

import os
import stat
from collections.abc import Iterator

from scow.errors import ScowError
from scow.runtime.devices import DeviceNode

# Other file systems below /dev, and what container engines keep there.
_NOT_ENTERED = frozenset({"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"})


def read_device(path: str) -> DeviceNode | None:
    """The node at ``path``, not following a symlink; None if it is something else than a device."""
    found = os.lstat(path)
    kinds = {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}
    kind = kinds.get(stat.S_IFMT(found.st_mode))
    if kind is None:
        return None
    numbers = os.major(found.st_rdev), os.minor(found.st_rdev)
    return DeviceNode(path, kind, *numbers, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)


def devices_at(path: str) -> tuple[str, list[DeviceNode]]:
    """The place ``path`` leads to, and the device there or all devices below it.

    Raises ScowError with Docker's message if there is none.
    """
    what = f'error gathering device information while adding custom device "{path}"'
    real = os.path.realpath(path)
    try:
        node = read_device(real)
    except OSError as exc:
        raise ScowError(f"{what}: {(exc.strerror or str(exc)).lower()}") from exc
    nodes = [node] if node else list(_below(real, skip=frozenset()))
    if not nodes:
        raise ScowError(f"{what}: not a device node")
    return real, nodes


def host_devices() -> list[DeviceNode]:
    """Everything a privileged container sees: all of /dev but the console and what is mounted below."""
    return [node for node in _below("/dev", skip=_NOT_ENTERED) if os.path.basename(node.path) != "console"]


def block_device_numbers(path: str) -> tuple[int, int]:
    """Major and minor number of the device at ``path``, for a block I/O limit. Raises ScowError."""
    try:
        found = os.stat(path)
    except OSError as exc:
        raise ScowError(f"stat {path}: {(exc.strerror or str(exc)).lower()}") from exc
    return os.major(found.st_rdev), os.minor(found.st_rdev)


def _below(top: str, skip: frozenset[str]) -> Iterator[DeviceNode]:
    """Devices below ``top`` in the order of their names; what vanishes or may not be read is passed over."""
    for directory, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in skip)
        for name in sorted(files):
            try:
                node = read_device(os.path.join(directory, name))
            except OSError:
                continue
            if node:
                yield node
