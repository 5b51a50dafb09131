"""Who has to know when a container changes its status: health monitors, the watch for OOM, the idle timer."""

from collections.abc import Callable

from scow.engine.containers.model import Live

Watcher = Callable[[Live], None]


class Watchers:
    """Calls every watcher after each change of a container's status, when that is stored.

    Watchers look at the container and do not wait. They are added while the engine is put together.
    """

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def add(self, watcher: Watcher) -> None:
        """Let ``watcher`` know, from now on."""
        self._watchers.append(watcher)

    def __call__(self, live: Live) -> None:
        for watcher in self._watchers:
            watcher(live)
