"""Network namespaces by descriptor: made, entered and left by one thread (namespaces(7), setns(2)).

A namespace lives as long as something refers to it; here that is the descriptor. No name is made under
``/run/netns``: a name would outlive a crash.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from scow.linux import syscalls

_OWN_NETNS = "/proc/thread-self/ns/net"


def create_netns() -> int:
    """Make an empty network namespace and return a descriptor of it; the calling thread stays where it is.

    Needs CAP_SYS_ADMIN. The namespace has a loopback device that is down, and nothing else.
    """
    before = os.open(_OWN_NETNS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        try:
            return os.open(_OWN_NETNS, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            syscalls.setns(before, syscalls.CLONE_NEWNET)
    finally:
        os.close(before)


@contextmanager
def enter_netns(fd: int) -> Iterator[None]:
    """Put the calling thread into the network namespace of ``fd`` for a block that must not ``await``.

    Sockets opened and threads started inside belong to that namespace for good. Of ``/proc/net`` only
    ``/proc/thread-self/net`` follows the thread.
    """
    before = os.open(_OWN_NETNS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.setns(fd, syscalls.CLONE_NEWNET)
        try:
            yield
        finally:
            syscalls.setns(before, syscalls.CLONE_NEWNET)
    finally:
        os.close(before)


def every_netns() -> Iterator[int]:
    """A descriptor of each network namespace that a process is in or holds by a descriptor of ours.

    It is closed when the next one is asked for. Processes that end meanwhile are left out.
    """
    seen: set[int] = set()
    for path in _netns_paths():
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            inode = os.fstat(fd).st_ino
            if inode not in seen:
                seen.add(inode)
                yield fd
        finally:
            os.close(fd)


def _netns_paths() -> Iterator[str]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            yield f"/proc/{entry}/ns/net"
    for entry in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{entry}"
        try:
            if os.readlink(path).startswith("net:["):
                yield path
        except OSError:
            continue
