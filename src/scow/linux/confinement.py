"""A process shuts itself in before it reads what strangers wrote.

It then has an empty root, no network, no other process's namespaces, few capabilities and few system calls,
and reaches only what it holds a descriptor of, or is sent one. A descriptor of a directory leads to the whole
file system that it is on (``..``); one of a detached mount (``detached``) leads nowhere else.
"""

import os
from collections.abc import Callable, Collection

from scow.linux import capabilities, syscalls

_NAMESPACES = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
# mount(2), umount2(2). In ``linux.mounts``, too, with more than a process needs that must be there at once.
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
# A directory that every machine has; in our own namespace something else is mounted on it for a moment.
_PLACE = "/dev"
_DESCRIPTORS = "/proc/self/fd"


def confine(capability_names: Collection[str], system_calls: Collection[str]) -> list[str]:
    """Shut this process, of one thread, in as far as this machine lets it; what could not be done, and why.

    What it will need is to be imported before: there are no files afterwards.
    """
    from scow.linux import seccomp  # the engine imports this module for other things, and no ctypes

    had, bound = capabilities.effective(), capabilities.bounding()
    # Libraries are files, too.
    filters: list[seccomp.Filter] = []
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("system calls", lambda: filters.append(seccomp.Filter(system_calls))),
        ("namespaces", lambda: syscalls.unshare(_NAMESPACES)),
        ("root", _enter_empty_root),
        ("capabilities", lambda: capabilities.limit_to(capability_names, had, bound)),
        ("privileges", lambda: syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)),
        ("system calls", lambda: list(map(seccomp.Filter.load, filters))),
    )
    failed: set[str] = set()
    problems = []
    for name, step in steps:
        if name == "root" and "namespaces" in failed:
            continue  # it would be everybody's
        try:
            step()
        except OSError as exc:
            failed.add(name)
            problems.append(f"{name}: {exc.strerror or exc}")
    return problems


def detached(path: str) -> int:
    """A descriptor of directory ``path`` as the root of a mount of its own, from which no ``..`` leads out.

    Where mounts are not ours to make it is a plain one.
    """
    try:
        return syscalls.open_tree(path)
    except PermissionError:
        return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _enter_empty_root() -> None:
    """Nothing is in it but ``/proc/self/fd``, by which a descriptor can be named in a path."""
    syscalls.mount("", "/", None, _MS_REC | _MS_PRIVATE, None)
    syscalls.mount("tmpfs", _PLACE, "tmpfs", 0, "size=4k,mode=755")
    os.makedirs(f"{_PLACE}{_DESCRIPTORS}")
    syscalls.mount(f"/proc/{os.getpid()}/fd", f"{_PLACE}{_DESCRIPTORS}", None, _MS_BIND, None)
    syscalls.mount("", _PLACE, None, _MS_REMOUNT | _MS_RDONLY, None)
    os.chdir(_PLACE)
    syscalls.pivot_root(".", ".")
    syscalls.umount2(".", _MNT_DETACH)
    os.chdir("/")
