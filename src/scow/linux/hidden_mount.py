"""Start a program that does not see one of the host's mounts (mount_namespaces(7)).

Light: scow-reaper imports this, so nothing but system calls.
"""

from __future__ import annotations

import _thread
import os

from scow.linux import syscalls

TYPE_CHECKING = False  # `typing` would cost 1.8 MB, here and at run time
if TYPE_CHECKING:
    from collections.abc import Callable

_MS_PRIVATE = 1 << 18
_MNT_DETACH = 2


def call_without_mount(mountpoint: str, function: Callable[[], int]) -> int:
    """Call ``function`` in a mount namespace of its own without what is mounted at ``mountpoint``.

    A child that it starts stays there; the namespace goes with its last process. Only the parent of
    ``mountpoint`` is cut off from the host's mount events: all other mounts propagate as before. The calling
    thread stays where it is and waits. Needs CAP_SYS_ADMIN. Raises ``OSError``, or what ``function`` raises.
    """
    results: list[int] = []
    errors: list[BaseException] = []
    done = _thread.allocate_lock()
    done.acquire()

    def call() -> None:
        try:
            # A mount namespace goes with a root and a working directory, which threads share until they
            # part: the reason for a thread of its own, which unshare(2) parts by itself.
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount("none", os.path.dirname(mountpoint), None, _MS_PRIVATE, None)
            syscalls.umount2(mountpoint, _MNT_DETACH)
            results.append(function())
        except BaseException as exc:
            errors.append(exc)
        finally:
            done.release()

    _thread.start_new_thread(call, ())
    done.acquire()
    if errors:
        raise errors[0]
    return results[0]
