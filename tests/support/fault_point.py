"""scowd that kills itself before the N-th step of an operation.

Run as a program with the path of a file and scowd's own arguments. SIGUSR1 reads a number N from the file,
removes it, and arms: the N-th change to the outside world from then on is not made, as the process is no
more. Changes are seen by an audit hook (sys.addaudithook), those of SQLite and of mount(2) by wrapping;
nothing in scow knows of any of this. With SCOW_TEST_FAULTS=network in the environment the changes are those
of the store and of the kernel's networks, and no others.
"""

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGES = frozenset(
    {
        "os.chmod", "os.chown", "os.link", "os.mkdir", "os.posix_spawn", "os.remove", "os.rename", "os.rmdir",
        "os.symlink", "os.truncate", "socket.sendmsg", "subprocess.Popen",
    }
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class FaultPoint:
    """Counts steps once armed, and ends the process at the chosen one."""

    def __init__(self, order: Path) -> None:
        self._order = order
        self._steps = itertools.count(1)
        self._last = 0
        self._lock = threading.Lock()

    def arm(self, *_: object) -> None:
        """Handler of the signal."""
        last = int(self._order.read_text())
        self._order.unlink()
        self._steps = itertools.count(1)
        self._last = last

    def step(self, _what: str) -> None:
        """A change is about to be made."""
        if self._last:
            with self._lock:
                if next(self._steps) == self._last:
                    os.kill(os.getpid(), signal.SIGKILL)
                    signal.pause()

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """The audit hook."""
        if event in CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & _WRITING):
            self.step(event)

    def wrap(self, owner: Any, name: str) -> None:
        """Make every call of ``owner.name`` a step, with another one after it."""
        function: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.step(name)
            result = function(*args, **kwargs)
            self.step(f"{name} done")
            return result

        setattr(owner, name, counted)


def main() -> None:
    """Become scowd."""
    order, *arguments = sys.argv[1:]
    from scow import daemon
    from scow.linux import nftables, syscalls
    from scow.linux.netlink import NetlinkSocket
    from scow.store import Store

    point = FaultPoint(Path(order))
    point.wrap(Store, "_apply")
    if os.environ.get("SCOW_TEST_FAULTS") == "network":
        point.wrap(NetlinkSocket, "execute")
        point.wrap(NetlinkSocket, "execute_batch")
        point.wrap(nftables, "run")
    else:
        point.wrap(syscalls, "mount")
        point.wrap(syscalls, "umount2")
        point.wrap(syscalls, "renameat2")
        sys.addaudithook(point.audit)
    signal.signal(signal.SIGUSR1, point.arm)
    sys.argv = ["scowd", *arguments]
    daemon.console()


if __name__ == "__main__":
    main()
