"""What a step works on, looked up: the stack below it, and what it copies or mounts, with their digests."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scow.build.execute.selection import Selection

if TYPE_CHECKING:
    from scow.build.graph.job import Memo


@dataclass(frozen=True, slots=True)
class Inputs:
    """``contents`` go into the key, ``shown`` is what history says of them (``file:…``, ``dir:…``).

    ``selections`` are what a COPY copies, in order of its sources. ``chains`` are the stacks of the vertex's
    sources, by their index. ``outlive_job``: the work may go on when the build that began it is gone.
    ``memos`` is what was known of stacks without a look.
    """

    base: str | None
    contents: tuple[str, ...] = ()
    selections: tuple[Selection, ...] = ()
    chains: tuple[tuple[int, str | None], ...] = ()
    shown: str = ""
    outlive_job: bool = True
    memos: "tuple[Memo, ...]" = ()

    @property
    def is_settled(self) -> bool:
        """Whether what was copied is what the key says: files of a folder may have changed meanwhile."""
        return all(it.tree.is_settled for it in self.selections)
