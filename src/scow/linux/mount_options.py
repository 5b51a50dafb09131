"""The options of mount(8) as a person writes them, taken apart for mount(2). Pure.

``ro,nodev,rshared,uid=5`` says three kinds of things: flags of the kernel's, how mounts spread, and what the
file system itself understands.
"""

from dataclasses import dataclass

from scow.linux import mounts as ms

# Words that set a flag, and words that take it away again (mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS").
_SET = {
    "bind": ms.MS_BIND,
    "rbind": ms.MS_BIND | ms.MS_REC,
    "ro": ms.MS_RDONLY,
    "nosuid": ms.MS_NOSUID,
    "nodev": ms.MS_NODEV,
    "noexec": ms.MS_NOEXEC,
    "sync": ms.MS_SYNCHRONOUS,
    "dirsync": ms.MS_DIRSYNC,
    "remount": ms.MS_REMOUNT,
    "mand": ms.MS_MANDLOCK,
    "noatime": ms.MS_NOATIME,
    "nodiratime": ms.MS_NODIRATIME,
    "relatime": ms.MS_RELATIME,
    "strictatime": ms.MS_STRICTATIME,
}
_CLEAR = {
    "defaults": 0,
    "rw": ms.MS_RDONLY,
    "suid": ms.MS_NOSUID,
    "dev": ms.MS_NODEV,
    "exec": ms.MS_NOEXEC,
    "async": ms.MS_SYNCHRONOUS,
    "nomand": ms.MS_MANDLOCK,
    "atime": ms.MS_NOATIME,
    "diratime": ms.MS_NODIRATIME,
    "norelatime": ms.MS_RELATIME,
    "nostrictatime": ms.MS_STRICTATIME,
}
_PROPAGATION = {
    "private": ms.MS_PRIVATE,
    "rprivate": ms.MS_PRIVATE | ms.MS_REC,
    "shared": ms.MS_SHARED,
    "rshared": ms.MS_SHARED | ms.MS_REC,
    "slave": ms.MS_SLAVE,
    "rslave": ms.MS_SLAVE | ms.MS_REC,
    "unbindable": ms.MS_UNBINDABLE,
    "runbindable": ms.MS_UNBINDABLE | ms.MS_REC,
}


@dataclass(frozen=True, slots=True)
class MountOptions:
    """``flags`` for mount(2), ``propagation`` for a second call of it, ``data`` for the file system."""

    flags: int = 0
    propagation: int = 0
    data: str = ""


def parse_mount_options(text: str) -> MountOptions:
    """Take ``text`` apart; of words that contradict each other the last one counts."""
    flags = propagation = 0
    data: list[str] = []
    for word in filter(None, text.split(",")):
        if word in _SET:
            flags |= _SET[word]
        elif word in _CLEAR:
            flags &= ~_CLEAR[word]
        elif word in _PROPAGATION:
            propagation = _PROPAGATION[word]
        else:
            data.append(word)
    return MountOptions(flags, propagation, ",".join(data))


def mount_with_options(device: str, target: str, fstype: str, options: MountOptions) -> None:
    """Mount as mount(8) would: a bind takes read-only and propagation in calls of their own.

    Raises ``OSError``; nothing is mounted then.
    """
    ms.mount(device, target, fstype=fstype, flags=options.flags, data=options.data)
    try:
        if options.flags & ms.MS_BIND and options.flags & _KEPT_BY_BIND:
            ms.mount("none", target, flags=options.flags | ms.MS_REMOUNT)
        if options.propagation:
            ms.mount("none", target, flags=options.propagation)
    except OSError:
        ms.unmount(target, lazy=True)
        raise


# The first call of a bind ignores these (mount(2), "Creating a bind mount").
_KEPT_BY_BIND = (
    ms.MS_RDONLY
    | ms.MS_NOSUID
    | ms.MS_NODEV
    | ms.MS_NOEXEC
    | ms.MS_NOATIME
    | ms.MS_NODIRATIME
    | ms.MS_RELATIME
)
