"""Who works in a container's file system besides the container: copies, exports, commits.

A visit keeps the file system mounted, so that a start or an exit meanwhile meets the same mount, and a
removal waits for it; visitors that a client could hold up are asked to leave. Event loop only.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scow.errors import NotFoundError


@dataclass(eq=False, slots=True)
class Visit:
    """One visitor: ``root`` is where the file system is mounted; ``leave`` asks for the end of the visit."""

    key: str
    root: Path
    leave: Callable[[], None]


class Visits:
    """All visits, by file system."""

    def __init__(self) -> None:
        self._visits: dict[str, set[Visit]] = {}
        self._closed: dict[str, asyncio.Event] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._visits

    def begin(self, key: str, root: Path, leave: Callable[[], None]) -> Visit:
        """Raises NotFoundError for a file system that is being removed."""
        if key in self._closed:
            raise NotFoundError(f"No such container: {key}")
        visit = Visit(key, root, leave)
        self._visits.setdefault(key, set()).add(visit)
        return visit

    def end(self, visit: Visit) -> bool:
        """Whether that was the last one. Once for each visit."""
        here = self._visits[visit.key]
        here.remove(visit)
        if here:
            return False
        del self._visits[visit.key]
        if visit.key in self._closed:
            self._closed[visit.key].set()
        return True

    async def close(self, key: str) -> None:
        """Admit nobody any more, and wait until nobody is there."""
        empty = self._closed.setdefault(key, asyncio.Event())
        if key in self._visits:
            for visit in list(self._visits[key]):
                visit.leave()
            await empty.wait()

    def open(self, key: str) -> None:
        """The name may be used again."""
        self._closed.pop(key, None)
