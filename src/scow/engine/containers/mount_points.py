"""From ``-v``, ``--mount`` and the image's volumes to the mounts a container has. Pure.

The grammar of a bind is ``[source:]destination[:mode,…]``; modes are ``ro``, ``rw``, a propagation,
``z``/``Z``, ``nocopy`` and the consistency words of Docker Desktop. A source with a leading slash is a
host path, anything else the name of a volume.
"""

import posixpath
from collections.abc import Iterable

from scow.engine.containers.model import MountRecord
from scow.errors import InvalidArgumentError, ScowError
from scow.runtime.mounts import tmpfs_option_text
from scow.spec.engine_api.container import BindOptions, Mount

PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_ACCESS = frozenset({"ro", "rw"})
_LABELS = frozenset({"z", "Z"})
_CONSISTENCY = frozenset({"consistent", "cached", "delegated", "default"})
_BIND_MODES = _ACCESS | _LABELS | _CONSISTENCY | PROPAGATIONS
_VOLUME_MODES = _ACCESS | _LABELS | _CONSISTENCY | {"nocopy"}


def parse_bind(text: str) -> MountRecord:
    """One ``-v``. Raises InvalidArgumentError with Docker's messages."""
    parts = text.split(":")
    match parts:
        case [destination] if destination:
            source, mode = "", ""
        case [source, destination] if source and destination and not _is_mode(destination):
            mode = ""
        case [source, destination, mode] if source and destination:
            pass
        case _:
            raise InvalidArgumentError(f"invalid volume specification: '{text}'")
    is_bind = source.startswith("/")
    _check_mode(mode, _BIND_MODES if is_bind else _VOLUME_MODES, "bind" if is_bind else "volume")
    clean = _check_destination(destination, f"invalid volume specification: '{text}': ")
    words = set(mode.split(",")) if mode else set()
    return MountRecord(
        type="bind" if is_bind else "volume",
        source=posixpath.normpath(source) if is_bind else "",
        name="" if is_bind else source,
        driver="" if is_bind else "local",
        destination=clean,
        mode=mode,
        writable="ro" not in words,
        propagation=next(iter(words & PROPAGATIONS), "rprivate" if is_bind else ""),
        options=["nocopy"] if "nocopy" in words else [],
        anonymous=not source,
        create_source=is_bind,
    )


def from_mount(mount: Mount) -> MountRecord:
    """One ``--mount``. Raises InvalidArgumentError with Docker's messages."""
    match mount.type:
        case "bind":
            return _bind_mount(mount)
        case "volume":
            return _volume_mount(mount)
        case "tmpfs":
            return _tmpfs_mount(mount)
        case "image" | "cluster" | "npipe":
            raise InvalidArgumentError(
                f'invalid mount config for type "{mount.type}": mount type is not supported by this engine'
            )
    raise InvalidArgumentError(f"mount type unknown: {_quoted(mount.type)}")


def _bind_mount(mount: Mount) -> MountRecord:
    what = 'invalid mount config for type "bind": '
    destination = _check_destination(mount.target, what)
    if not mount.source:
        raise InvalidArgumentError(what + "field Source must not be empty")
    if not mount.source.startswith("/"):
        raise InvalidArgumentError(what + f"invalid mount path: '{mount.source}' mount path must be absolute")
    if mount.volume_options:
        raise InvalidArgumentError(what + "field VolumeOptions must not be specified")
    options = mount.bind_options
    propagation = options.propagation if options and options.propagation else "rprivate"
    if propagation not in PROPAGATIONS:
        raise InvalidArgumentError(what + f"invalid propagation mode: {propagation}")
    return MountRecord(
        type="bind",
        source=posixpath.normpath(mount.source),
        destination=destination,
        writable=not mount.read_only,
        propagation=propagation,
        options=_bind_options(options or BindOptions(), mount.read_only),
        create_source=bool(options and options.create_mountpoint),
        from_mounts=True,
    )


def _bind_options(options: BindOptions, read_only: bool) -> list[str]:
    """How deep a bind reaches, as words of a record."""
    words = ["nonrecursive"] if options.non_recursive else []
    for given, word, name in (
        (options.read_only_non_recursive, "readonly-nonrecursive", "ReadOnlyNonRecursive"),
        (options.read_only_force_recursive, "readonly-force-recursive", "ReadOnlyForceRecursive"),
    ):
        if given and not read_only:
            raise InvalidArgumentError(f"mount options conflict: !ReadOnly && BindOptions.{name}")
        if given:
            words.append(word)
    return words


def _volume_mount(mount: Mount) -> MountRecord:
    what = 'invalid mount config for type "volume": '
    destination = _check_destination(mount.target, what)
    if mount.bind_options:
        raise InvalidArgumentError(what + "field BindOptions must not be specified")
    if not mount.source and mount.read_only:
        raise InvalidArgumentError(what + "must not set ReadOnly mode when using anonymous volumes")
    if mount.volume_options and mount.volume_options.subpath:
        raise InvalidArgumentError(what + "volume-subpath is not supported by this engine")
    nocopy = bool(mount.volume_options and mount.volume_options.no_copy)
    return MountRecord(
        type="volume",
        name=mount.source,
        driver="local",
        destination=destination,
        mode="z",
        writable=not mount.read_only,
        options=["nocopy"] if nocopy else [],
        anonymous=not mount.source,
        from_mounts=True,
    )


def _tmpfs_mount(mount: Mount) -> MountRecord:
    what = 'invalid mount config for type "tmpfs": '
    destination = _check_destination(mount.target, what)
    if mount.source:
        raise InvalidArgumentError(what + "field Source must not be specified")
    try:
        text = tmpfs_option_text(mount.tmpfs_options, read_only=False)
    except ScowError as exc:
        raise InvalidArgumentError(what + exc.message) from exc
    return MountRecord(
        type="tmpfs",
        destination=destination,
        writable=not mount.read_only,
        options=text.split(",") if text else [],
        from_mounts=True,
    )


def settle(
    binds: Iterable[str],
    mounts: Iterable[Mount],
    tmpfs: Iterable[str],
    volumes: Iterable[str],
) -> list[MountRecord]:
    """All mounts of a container but those of ``--tmpfs``, which stay in its HostConfig.

    ``volumes`` are the destinations of the image and of ``Config.Volumes``: they become anonymous volumes
    where nothing else is mounted. Raises InvalidArgumentError, also for a destination named twice.
    """
    records: dict[str, MountRecord] = {}
    for record in [*map(parse_bind, binds), *map(from_mount, mounts)]:
        if record.destination in records:
            raise InvalidArgumentError(f"Duplicate mount point: {record.destination}")
        records[record.destination] = record
    in_memory = {posixpath.normpath(path) for path in tmpfs}
    for path in in_memory:
        if path in records:
            raise InvalidArgumentError(f"Duplicate mount point: {path}")
    for path in volumes:
        destination = _check_destination(path, 'invalid mount config for type "volume": ')
        if destination not in records and destination not in in_memory:
            records[destination] = MountRecord(
                type="volume", driver="local", destination=destination, anonymous=True
            )
    return list(records.values())


def _is_mode(text: str) -> bool:
    return all(word in _BIND_MODES | _VOLUME_MODES for word in text.split(","))


def _check_mode(mode: str, allowed: frozenset[str], kind: str) -> None:
    words = mode.split(",") if mode else []
    groups = (_ACCESS, _LABELS, _CONSISTENCY, PROPAGATIONS)
    twice = any(sum(word in group for word in words) > 1 for group in groups)
    if twice or any(word not in allowed for word in words):
        raise InvalidArgumentError(f"invalid mode: {mode}")


def _check_destination(path: str, what: str) -> str:
    if not path:
        raise InvalidArgumentError(what + "field Target must not be empty")
    if not path.startswith("/"):
        raise InvalidArgumentError(what + f"invalid mount path: '{path}' mount path must be absolute")
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if clean == "/":
        raise InvalidArgumentError(what + "invalid specification: destination can't be '/'")
    return clean


def _quoted(text: str) -> str:
    return '"' + text + '"'
