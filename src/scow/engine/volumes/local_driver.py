"""The ``local`` driver: volumes are folders of ours, or what ``type``, ``o`` and ``device`` name.

    <root>/<name>/_data        the data, or where it is mounted
    <root>/<name>/disk.img     the file system of a volume with a size, where there are no project quotas
    <root>/<name>/snapshots/   copies of the data

What has to be mounted is so from its first user to its last. ``create`` may be called again for what is
there already: it makes what is missing.
"""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scow.engine.volumes.drivers import KeptVolume
from scow.engine.volumes.local_options import LocalOptions, address_of, parse_local_options, password_of
from scow.engine.volumes.model import DEFAULT_DRIVER, VolumeRecord
from scow.engine.volumes.names import check_name
from scow.engine.volumes.sizes import SizedFolders
from scow.engine.volumes.snapshot_folders import release_leftovers
from scow.errors import ConflictError, InvalidArgumentError, ScowError
from scow.image.threads import run_to_end
from scow.image.trees import remove_path
from scow.linux.mount_options import MountOptions, mount_with_options, parse_mount_options
from scow.linux.mounts import has_mounts_below, is_mountpoint, unmount

DATA = "_data"


class LocalDriver:
    """Keeps volumes below ``root``."""

    name = DEFAULT_DRIVER
    scope = "local"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sizes = SizedFolders(root)

    def folder(self, name: str) -> Path:
        """Everything there is of a volume."""
        return self.root / name

    def data(self, name: str) -> Path:
        """Where the data of the volume ``name`` is, whether it exists or not."""
        return self.root / name / DATA

    def is_plain(self, record: VolumeRecord) -> bool:
        """Whether the data is where it is without being mounted."""
        return not record.options

    def check(self, name: str, options: Mapping[str, str]) -> None:
        check_name(name)
        parsed = parse_local_options(options)
        if not parsed.size_bytes:
            return
        if parsed.needs_mount:
            raise InvalidArgumentError(
                '"size" cannot be combined with "type": the limit is of what is mounted'
            )
        self.sizes.check(parsed.size_bytes)

    async def create(self, record: VolumeRecord) -> None:
        await run_to_end(self.make, record)

    def make(self, record: VolumeRecord) -> None:
        """Make what is missing; blocks. Raises ScowError; nothing is made then."""
        data = self.data(record.name)
        is_new = not data.parent.exists()
        try:
            data.parent.mkdir(mode=0o701, exist_ok=True)
            data.mkdir(mode=0o755, exist_ok=True)
        except OSError as exc:
            raise ScowError(
                f"error while creating volume root path '{data}': mkdir {data}: {_reason(exc)}"
            ) from exc
        if record.options and (size_bytes := parse_local_options(record.options).size_bytes):
            try:
                self.sizes.make(data, size_bytes)
            except BaseException:
                if is_new:
                    remove_path(str(data.parent))
                raise

    async def remove(self, record: VolumeRecord) -> None:
        await run_to_end(self.clear, record.name)

    def clear(self, name: str) -> None:
        """Remove everything there is of a volume, but nothing that is mounted; blocks. Raises ScowError."""
        folder = self.folder(name)
        self._unmount(name)
        release_leftovers(folder)
        if has_mounts_below(str(folder)):
            raise ConflictError(f"something is mounted in {folder}")
        try:
            self.sizes.forget(self.data(name))
            remove_path(str(folder))
        except OSError as exc:
            raise ScowError(f"error while removing volume path '{folder}': {_reason(exc)}") from exc

    async def find(self, name: str) -> KeptVolume | None:
        return KeptVolume(name, str(self.data(name))) if self.data(name).is_dir() else None

    async def list(self) -> Sequence[KeptVolume]:
        """The engine's own documents have them all."""
        return ()

    async def mount(self, record: VolumeRecord, user: str) -> str:
        data = str(self.data(record.name))
        if not self.is_plain(record):
            await run_to_end(self._mount, record, data)
        return data

    def _mount(self, record: VolumeRecord, data: str) -> None:
        options = parse_local_options(record.options or {})
        if options.needs_mount and not is_mountpoint(data):
            _mount_device(options, data)
        elif options.size_bytes:
            # Should it have no limit, by a start that could not repair it: not without one.
            self.sizes.make(Path(data), options.size_bytes)
            self.sizes.mount(Path(data))

    async def unmount(self, record: VolumeRecord, user: str, *, last: bool) -> None:
        if last and not self.is_plain(record):
            await run_to_end(self._unmount, record.name)

    def _unmount(self, name: str) -> None:
        place = str(self.data(name))
        with suppress(FileNotFoundError):
            while is_mountpoint(place):
                unmount(place, lazy=True)

    def release_unused(self, names: Sequence[str]) -> None:
        """Start-up: unmount volumes that nobody has; blocks. Raises ``OSError``."""
        for name in names:
            self._unmount(name)


def _mount_device(options: LocalOptions, data: str) -> None:
    """Raises ScowError with Docker's words, in which no password is."""
    try:
        text = _with_address(options)
    except OSError as exc:
        raise ScowError(f"error resolving passed in network volume address: {_reason(exc)}") from exc
    parsed = parse_mount_options(text)
    try:
        mount_with_options(options.device, data, options.type, parsed)
    except OSError as exc:
        said = _mount_failure(options.device, data, parsed, _reason(exc))
        if password := password_of(options.options):
            said = said.replace(f"password={password}", "password=********")
        raise ScowError(f"failed to mount local volume: {said}") from exc


def _mount_failure(device: str, data: str, parsed: MountOptions, reason: str) -> str:
    """As Docker's mount package words it."""
    flags = f", flags: 0x{parsed.flags:x}" if parsed.flags else ""
    words = f", data: {parsed.data}" if parsed.data else ""
    return f"mount {device}:{data}{flags}{words}: {reason}"


def _with_address(options: LocalOptions) -> str:
    """The options with the server's address in numbers, which is all that the kernel takes."""
    server = address_of(options.options)
    if options.type not in ("nfs", "cifs") or not server:
        return options.options
    number = socket.getaddrinfo(server, None, type=socket.SOCK_STREAM)[0][4][0]
    return options.options.replace(f"addr={server}", f"addr={number}", 1)


def _reason(exc: OSError) -> str:
    return (exc.strerror or str(exc)).rpartition(": ")[2].lower()
