"""The graph of a build in the words of BuildKit's (solver/pb/ops.proto), for provenance of mode=max."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scow.build.graph.ops import (
    BaseOp,
    ContextSource,
    CopyFiles,
    CopyOp,
    DiffOp,
    DownloadSource,
    FileAction,
    FileOp,
    FilesSource,
    GitSource,
    MakeFolder,
    MakeFolderOp,
    MakeSymlink,
    MergeOp,
    Mount,
    Op,
    Outside,
    PickOp,
    RemoveFiles,
    RunOp,
    Vertex,
    WriteFile,
)
from scow.spec.redaction import redacted

_MOUNT_KINDS = {"bind": "BIND", "cache": "CACHE", "tmpfs": "TMPFS", "secret": "SECRET", "ssh": "SSH"}


@dataclass(frozen=True, slots=True)
class Graph:
    """``steps`` after those that they need; ``locations`` in the Dockerfile by step; ``names`` of steps."""

    steps: tuple[Mapping[str, Any], ...]
    locations: Mapping[str, Any]
    names: Mapping[Vertex, str]


def graph_of(target: Vertex) -> Graph:
    """All that ``target`` is made of."""
    steps: list[Mapping[str, Any]] = []
    locations: dict[str, Any] = {}
    names: dict[Vertex, str] = {}
    outside: dict[Outside, str] = {}

    def add(op: Mapping[str, Any], inputs: Iterable[str]) -> str:
        name = f"step{len(steps)}"
        found = [f"{it}:0" for it in inputs]
        steps.append({"id": name, "op": {"Op": op}} | ({"inputs": found} if found else {}))
        return name

    for vertex in _in_order(target):
        inputs = [names[vertex.base]] if vertex.base is not None else []
        for source in vertex.sources:
            if isinstance(source, Vertex):
                inputs.append(names[source])
            else:
                if source not in outside:
                    outside[source] = add({"source": {"identifier": _identifier(source)}}, [])
                inputs.append(outside[source])
        name = names[vertex] = add(_operation(vertex.op), inputs)
        if vertex.first_line:
            lines = {"start": {"line": vertex.first_line}, "end": {"line": vertex.last_line}}
            locations[name] = {"locations": [{"ranges": [lines]}]}
    return Graph(tuple(steps), locations, names)


def _in_order(target: Vertex) -> Iterator[Vertex]:
    """Each after what it needs; without recursion, for graphs of any depth."""
    done: set[Vertex] = set()
    stack = [(target, False)]
    while stack:
        vertex, ready = stack.pop()
        if vertex in done:
            continue
        if ready:
            done.add(vertex)
            yield vertex
            continue
        stack.append((vertex, True))
        needed = [it for it in (vertex.base, *vertex.sources) if isinstance(it, Vertex)]
        stack += [(it, False) for it in reversed(needed) if it not in done]


def _identifier(source: Outside) -> str:
    match source:
        case ContextSource(name):
            return f"local://{name}"
        case FilesSource():
            return "scow://heredoc"
        case DownloadSource(url=url):
            return redacted(url)
        case GitSource(remote=remote, ref=ref):
            return f"{redacted(remote)}#{ref}"


def _operation(op: Op) -> dict[str, Any]:
    match op:
        case BaseOp(reference=reference):
            return {"source": {"identifier": f"docker-image://{reference}"}}
        case RunOp():
            meta = {"args": list(op.args), "env": list(op.env), "cwd": op.cwd}
            if op.user:
                meta["user"] = op.user
            return {"exec": {"meta": meta, "mounts": [{"dest": "/"}, *map(_mount, op.mounts)]}}
        case CopyOp():
            copies = [{"Action": {"copy": {"src": it, "dest": op.target}}} for it in op.sources]
            return {"file": {"actions": copies}}
        case MakeFolderOp(path=path):
            action = {"mkdir": {"path": path, "mode": 0o755, "makeParents": True}}
            return {"file": {"actions": [{"Action": action}]}}
        case FileOp(actions=actions):
            return {"file": {"actions": [{"Action": _action(it)} for it in actions]}}
        case MergeOp():
            return {"merge": {}}
        case DiffOp():
            return {"diff": {}}
        case PickOp(index=index):
            return {"output": index}


def _action(action: FileAction) -> dict[str, Any]:
    match action:
        case CopyFiles(source=source, target=target):
            return {"copy": {"src": source, "dest": target}}
        case WriteFile(path=path, mode=mode):
            return {"mkfile": {"path": path, "mode": mode}}
        case MakeFolder(path=path, mode=mode, parents=parents):
            return {"mkdir": {"path": path, "mode": mode, "makeParents": parents}}
        case MakeSymlink(path=path, text=text):
            return {"symlink": {"oldpath": text, "newpath": path}}
        case RemoveFiles(path=path):
            return {"rm": {"path": path}}


def _mount(mount: Mount) -> dict[str, Any]:
    found: dict[str, Any] = {"dest": mount.target, "mountType": _MOUNT_KINDS[mount.kind]}
    if mount.kind in ("secret", "ssh"):
        found[f"{mount.kind}Opt"] = {"ID": mount.id} | ({} if mount.required else {"optional": True})
    elif mount.kind == "cache":
        found["cacheOpt"] = {"ID": mount.id}
    return found
