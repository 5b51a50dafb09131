"""What a step works on, looked up: the stack below it, and what it copies or mounts, with their digests."""

from dataclasses import dataclass

from scow.build.execute.selection import Selection


@dataclass(frozen=True, slots=True)
class Inputs:
    """``contents`` go into the key, ``shown`` is what history says of them (``file:…``, ``dir:…``).

    ``selections`` are what a COPY copies, in order of its sources. ``chains`` are the stacks of the vertex's
    sources, by their index. ``outlive_job``: the work may go on when the build that began it is gone.
    """

    base: str | None
    contents: tuple[str, ...] = ()
    selections: tuple[Selection, ...] = ()
    chains: tuple[tuple[int, str | None], ...] = ()
    shown: str = ""
    outlive_job: bool = True
