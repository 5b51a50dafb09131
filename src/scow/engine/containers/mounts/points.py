"""The grammars of ``-v``, ``--mount`` and ``--volumes-from``: from one of them to one mount. Pure.

The grammar of a bind is ``[source:]destination[:mode,…]``; modes are ``ro``, ``rw``, a propagation,
``z``/``Z``, ``nocopy`` and the consistency words of Docker Desktop. A source with a leading slash is a
host path, anything else the name of a volume. ``mount_sets`` puts the mounts of a container together.
"""

import posixpath

from scow.engine.containers.model import MountRecord
from scow.errors import InvalidArgumentError, ScowError
from scow.runtime.mounts import tmpfs_option_text
from scow.spec.engine_api.container import BindOptions, Mount

PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})

_ACCESS = frozenset({"ro", "rw"})
_LABELS = frozenset({"z", "Z"})
_CONSISTENCY = frozenset({"consistent", "cached", "delegated", "default"})
_COPY = frozenset({"nocopy"})
_MODE_GROUPS = (_ACCESS, _LABELS, _CONSISTENCY, _COPY, PROPAGATIONS)
_TYPES = ("bind", "volume", "tmpfs", "image")


def parse_bind(text: str, volume_driver: str = "") -> MountRecord:
    """One ``-v``. Raises InvalidArgumentError with Docker's messages."""
    malformed = f"invalid volume specification: '{text}'"
    match text.split(":"):
        case [destination] if destination:
            source, mode = "", ""
        case [source, destination] if source and destination and not _is_mode(destination):
            mode = ""
        case [source, destination, mode] if source and destination:
            pass
        case _:
            raise InvalidArgumentError(malformed)
    if not _is_mode(mode):
        raise InvalidArgumentError(f"invalid mode: {mode}")
    is_bind = source.startswith("/")
    words = frozenset(mode.split(","))
    what = f'{malformed}: invalid mount config for type "{"bind" if is_bind else "volume"}": '
    if (given := words & (_COPY if is_bind else PROPAGATIONS)) and given:
        field = "VolumeOptions" if is_bind else "BindOptions"
        raise InvalidArgumentError(f"{what}field {field} must not be specified")
    return MountRecord(
        type="bind" if is_bind else "volume",
        source=posixpath.normpath(source) if is_bind else "",
        name="" if is_bind else source,
        driver="" if is_bind else volume_driver,
        destination=check_destination(destination, what),
        mode=mode,
        writable="ro" not in words,
        propagation=next(iter(words & PROPAGATIONS), "rprivate" if is_bind else ""),
        options=["nocopy"] if "nocopy" in words else [],
        anonymous=not source,
        create_source=is_bind,
    )


def parse_volumes_from(text: str) -> tuple[str, bool]:
    """One ``--volumes-from``: whose mounts, and whether they stay writable where they are.

    Raises InvalidArgumentError with Docker's messages.
    """
    if not text:
        raise InvalidArgumentError("volumes-from specification cannot be an empty string")
    ref, _, mode = text.partition(":")
    words = frozenset(mode.split(","))
    if not _is_mode(mode) or words & (PROPAGATIONS | _COPY):
        raise InvalidArgumentError(f"invalid mode: {mode}")
    return ref, "ro" not in words


def from_mount(mount: Mount) -> MountRecord:
    """One ``--mount``. Raises InvalidArgumentError with Docker's messages."""
    what = f'invalid mount config for type "{mount.type}": '
    if mount.type not in _TYPES:
        raise InvalidArgumentError(what + "mount type unknown")
    _check_exclusive(mount, what)
    destination = check_destination(mount.target, what)
    match mount.type:
        case "bind":
            return _bind_mount(mount, destination, what)
        case "volume":
            return _volume_mount(mount, destination, what)
        case "image":
            return _image_mount(mount, destination, what)
    return _tmpfs_mount(mount, destination, what)


def _check_exclusive(mount: Mount, what: str) -> None:
    """Options go with one type only."""
    options = (
        ("bind", "BindOptions", mount.bind_options),
        ("volume", "VolumeOptions", mount.volume_options),
        ("image", "ImageOptions", mount.image_options),
        ("tmpfs", "TmpfsOptions", mount.tmpfs_options),
    )
    for kind, field, given in options:
        if given is not None and mount.type != kind:
            raise InvalidArgumentError(f"{what}field {field} must not be specified")


def _bind_mount(mount: Mount, destination: str, what: str) -> MountRecord:
    if not mount.source:
        raise InvalidArgumentError(what + "field Source must not be empty")
    options = mount.bind_options or BindOptions()
    propagation = options.propagation or "rprivate"
    if propagation not in PROPAGATIONS:
        raise InvalidArgumentError(what + f"invalid propagation mode: {propagation}")
    if not mount.source.startswith("/"):
        raise InvalidArgumentError(what + f"invalid mount path: '{mount.source}' mount path must be absolute")
    return MountRecord(
        type="bind",
        source=posixpath.normpath(mount.source),
        destination=destination,
        writable=not mount.read_only,
        propagation=propagation,
        options=_bind_options(options, mount.read_only),
        create_source=options.create_mountpoint,
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


def _volume_mount(mount: Mount, destination: str, what: str) -> MountRecord:
    options = mount.volume_options
    subpath = options.subpath if options else ""
    if subpath and not mount.source:
        raise InvalidArgumentError(what + "must not set Subpath when using anonymous volumes")
    if not mount.source and mount.read_only:
        raise InvalidArgumentError(what + "must not set ReadOnly mode when using anonymous volumes")
    driver = options.driver_config if options else None
    return MountRecord(
        type="volume",
        name=mount.source,
        driver=driver.name if driver else "",
        destination=destination,
        writable=not mount.read_only,
        options=["nocopy"] if options and options.no_copy else [],
        subpath=_local_path(subpath, what),
        anonymous=not mount.source,
        from_mounts=True,
    )


def _image_mount(mount: Mount, destination: str, what: str) -> MountRecord:
    """``source`` becomes the image's name; an image is never written to."""
    if not mount.source:
        raise InvalidArgumentError(what + "field Source must not be empty")
    return MountRecord(
        type="image",
        name=mount.source,
        destination=destination,
        writable=False,
        propagation="rprivate",
        subpath=_local_path(mount.image_options.subpath if mount.image_options else "", what),
        from_mounts=True,
    )


def _tmpfs_mount(mount: Mount, destination: str, what: str) -> MountRecord:
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


def _local_path(subpath: str, what: str) -> str:
    """``subpath``, which may not lead out of what it is in (Go's ``filepath.IsLocal``)."""
    if not subpath:
        return ""
    clean = posixpath.normpath(subpath)
    if clean == ".." or clean.startswith(("/", "../")):
        raise InvalidArgumentError(what + "subpath must be a relative path within the volume")
    return clean


def _is_mode(mode: str) -> bool:
    """Whether all words of ``mode`` are modes, and no two say the same thing."""
    words = mode.split(",") if mode else []
    counts = [sum(word in group for word in words) for group in _MODE_GROUPS]
    return sum(counts) == len(words) and max(counts) <= 1


def check_destination(path: str, what: str) -> str:
    """Where a mount is to be, cleaned. ``what`` begins the message of InvalidArgumentError."""
    if not path:
        raise InvalidArgumentError(what + "field Target must not be empty")
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if clean == "/":
        raise InvalidArgumentError(what + "invalid specification: destination can't be '/'")
    if not path.startswith("/"):
        raise InvalidArgumentError(what + f"invalid mount path: '{path}' mount path must be absolute")
    return clean
