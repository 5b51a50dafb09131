"""Which of a context's files a build can need at all: the rest is never sent."""

from collections.abc import Iterator

from scow.build.graph.ops import ContextSource, CopyOp, RunOp, Vertex


def context_paths(target: Vertex, name: str) -> tuple[str, ...] | None:
    """Paths and patterns of context ``name`` that ``target`` is made of; none is all of it.

    ``None`` if nothing of the context is used.
    """
    used, everything = False, False
    paths: dict[str, None] = {}
    for vertex in all_vertices(target):
        op = vertex.op
        if isinstance(op, RunOp):
            everything |= any(mount.context == name for mount in op.mounts)
        elif isinstance(op, CopyOp):
            for index, source in enumerate(vertex.sources):
                if isinstance(source, ContextSource) and source.name == name:
                    used = True
                    pattern = op.sources[index].strip("/") if len(op.sources) == len(vertex.sources) else ""
                    everything |= pattern in ("", ".") or ".." in pattern or op.parents
                    paths[pattern.removeprefix("./")] = None
    if everything:
        return ()
    return tuple(paths) if used else None


def all_vertices(target: Vertex) -> Iterator[Vertex]:
    """Everything that ``target`` is made of, itself first, each once."""
    seen: set[Vertex] = set()
    queue = [target]
    while queue:
        vertex = queue.pop()
        if vertex in seen:
            continue
        seen.add(vertex)
        yield vertex
        queue += [it for it in (vertex.base, *vertex.sources) if isinstance(it, Vertex)]
