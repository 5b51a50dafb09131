"""Definitions of LLB, written as a graph of states: each is the output of an operation, or nothing at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scow.spec.digest import sha256_of
from scow.spec.llb import (
    NOTHING,
    Definition,
    DiffOp,
    ExecOp,
    FileAction,
    FileCopy,
    FileMake,
    FileOp,
    FileRemove,
    FolderMake,
    IndexMessage,
    Input,
    MergeOp,
    Meta,
    Mount,
    Op,
    OpMetadata,
    Platform,
    SourceOp,
)

PLATFORM = Platform("amd64", "linux")


@dataclass(frozen=True, eq=False)
class State:
    """Output ``index`` of an operation with these inputs; without an operation it is empty."""

    op: Op | None = None
    inputs: "tuple[State, ...]" = ()
    index: int = 0
    metadata: OpMetadata = field(default_factory=OpMetadata)

    def definition(self) -> Definition:
        """The graph of everything that this is made of."""
        if self.op is None:
            return Definition()
        ops: dict[str, bytes] = {}
        metadata: dict[str, OpMetadata] = {}
        digest = self._add(ops, metadata)
        last = Op(inputs=(Input(digest, self.index),)).encode()
        return Definition((*ops.values(), last), metadata | {sha256_of(last): OpMetadata()})

    def _add(self, ops: dict[str, bytes], metadata: dict[str, OpMetadata]) -> str:
        assert self.op is not None
        inputs = tuple(Input(it._add(ops, metadata), it.index) for it in self.inputs)
        fields = {
            name: getattr(self.op, name) for name in ("exec", "source", "file", "build", "merge", "diff")
        }
        data = Op(inputs=inputs, platform=PLATFORM, **fields).encode()
        ops[sha256_of(data)] = data
        metadata[sha256_of(data)] = self.metadata
        return sha256_of(data)

    def output(self, index: int) -> "State":
        """Another output of the same operation."""
        return State(self.op, self.inputs, index, self.metadata)


SCRATCH = State()


def source(identifier: str, **attributes: str) -> State:
    """A source; ``__`` in a name stands for a dot."""
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return State(Op(source=SourceOp(identifier, named)))


def image(name: str) -> State:
    return source(f"docker-image://docker.io/library/{name}:latest", image__resolvemode="local")


def run(
    root: State,
    *args: str,
    mounts: Sequence[tuple[Mount, State]] = (),
    meta: Mapping[str, object] | None = None,
    read_only: bool = False,
    metadata: OpMetadata | None = None,
    **fields: object,
) -> State:
    """A program in ``root``; each mount is of a state, its input and output are numbered here."""
    inputs: list[State] = []

    def index(state: State) -> int:
        if state.op is None:
            return NOTHING
        if state not in inputs:
            inputs.append(state)
        return inputs.index(state)

    placed = [Mount(index(root), dest="/", output=0, readonly=read_only)]
    for mount, state in mounts:
        values = {name: getattr(mount, name) for name in mount.__dataclass_fields__}
        placed.append(Mount(**{**values, "input": index(state)}))
    given = {"cwd": "/", "env": ("PATH=/bin",), **(meta or {})}
    described = Meta(args=args, **given)  # type: ignore[arg-type]
    op = ExecOp(described, tuple(placed), **fields)  # type: ignore[arg-type]
    return State(Op(exec=op), tuple(inputs), metadata=metadata or OpMetadata())


def shell(root: State, script: str, **rest: object) -> State:
    """A program of busybox's shell."""
    return run(root, "/bin/sh", "-c", script, **rest)  # type: ignore[arg-type]


def files(base: State, *actions: FileAction, others: Sequence[State] = ()) -> State:
    """Actions one after the other, the last of which is the result; ``others`` are inputs after ``base``.

    An action's ``secondary_input`` counts ``others`` from 0; its ``input`` is set here.
    """
    inputs = [*(() if base.op is None else (base,)), *others]
    first = 0 if base.op is None else 1
    placed = []
    for number, action in enumerate(actions):
        values = {name: getattr(action, name) for name in action.__dataclass_fields__}
        values["input"] = (0 if first else NOTHING) if not number else len(inputs) + number - 1
        values["secondary_input"] = action.secondary_input + first if action.copy is not None else NOTHING
        values["output"] = 0 if number == len(actions) - 1 else NOTHING
        placed.append(FileAction(**values))
    return State(Op(file=FileOp(tuple(placed))), tuple(inputs))


def merge(*states: State) -> State:
    full = tuple(it for it in states if it.op is not None)
    return State(Op(merge=MergeOp(tuple(IndexMessage(index) for index in range(len(full))))), full)


def diff(lower: State, upper: State) -> State:
    full = tuple(it for it in (lower, upper) if it.op is not None)
    ends = [IndexMessage(full.index(it) if it.op is not None else NOTHING) for it in (lower, upper)]
    return State(Op(diff=DiffOp(*ends)), full)


def copy(src: str, dest: str, from_: int = 0, **fields: object) -> FileAction:
    """What the Go client's ``llb.Copy`` does without further words."""
    given = {"mode": -1, "timestamp": -1, **fields}
    return FileAction(0, from_, copy=FileCopy(src, dest, **given))  # type: ignore[arg-type]


def make(path: str, data: bytes, mode: int = 0o644, **fields: object) -> FileAction:
    given = {"timestamp": -1, **fields}
    return FileAction(mkfile=FileMake(path, mode, data, **given))  # type: ignore[arg-type]


def folder(path: str, mode: int = 0o755, *, parents: bool = False, **fields: object) -> FileAction:
    given = {"timestamp": -1, **fields}
    return FileAction(mkdir=FolderMake(path, mode, parents, **given))  # type: ignore[arg-type]


def remove(path: str, *, missing: bool = False, wildcard: bool = False) -> FileAction:
    return FileAction(rm=FileRemove(path, missing, wildcard))
