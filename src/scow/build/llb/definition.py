"""A definition read: its operations in an order in which each comes after those that it needs.

Who needs an operation names it by the sha256 of its bytes, so nothing can be exchanged, and nothing can need
itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scow.build.llb.capabilities import check_capabilities
from scow.errors import InvalidArgumentError, UnsupportedError
from scow.spec.digest import sha256_of
from scow.spec.llb import ROOT, Definition, ExecOp, FileAction, Input, Op, OpMetadata
from scow.spec.protobuf import WireError

_MAX_OPERATIONS = 20_000
_CUSTOM_NAME = "llb.customname"


@dataclass(frozen=True, slots=True)
class Operation:
    """``op`` with what a definition says of it; ``name`` is for progress."""

    digest: str
    op: Op
    name: str
    no_cache: bool


@dataclass(frozen=True, slots=True)
class Operations:
    """``operations`` by digest, each after those that it needs. ``result`` is what is wanted."""

    operations: Mapping[str, Operation]
    result: Input


def read_definition(definition: Definition) -> Operations:
    """Raises InvalidArgumentError for what is none, UnsupportedError for what is not honoured."""
    if not definition.operations:
        raise InvalidArgumentError("invalid empty definition")
    if len(definition.operations) > _MAX_OPERATIONS:
        raise InvalidArgumentError(f"a definition of more than {_MAX_OPERATIONS} operations")
    ops = {sha256_of(data): _read_op(data) for data in definition.operations}
    if len(ops) < 2:
        raise InvalidArgumentError(f"invalid LLB with {len(ops)} vertexes")
    last = ops.pop(sha256_of(definition.operations[-1]))
    if not last.inputs:
        raise InvalidArgumentError("invalid LLB with no inputs on last vertex")
    found: dict[str, Operation] = {}
    for digest in _in_order(ops, last.inputs[0].digest):
        metadata = definition.metadata.get(digest, OpMetadata())
        check_capabilities(metadata.caps)
        if metadata.linux_resources is not None:
            raise UnsupportedError("limits of single operations (linux_resources) are not supported")
        op = ops[digest]
        _check(op)
        name = metadata.description.get(_CUSTOM_NAME) or _name(op, found)
        found[digest] = Operation(digest, op, name, metadata.ignore_cache)
    return Operations(found, last.inputs[0])


def _read_op(data: bytes) -> Op:
    try:
        return Op.decode(data)
    except (WireError, RecursionError) as exc:
        raise InvalidArgumentError(f"failed to parse llb proto op: {exc}") from exc


def _in_order(ops: Mapping[str, Op], wanted: str) -> Iterator[str]:
    """What ``wanted`` is made of, each after what it needs; without recursion."""
    done: set[str] = set()
    stack = [(wanted, False)]
    while stack:
        digest, ready = stack.pop()
        if digest in done:
            continue
        if digest not in ops:
            raise InvalidArgumentError(f"invalid missing input digest {digest}")
        if ready:
            done.add(digest)
            yield digest
            continue
        stack.append((digest, True))
        stack += [(it.digest, False) for it in reversed(ops[digest].inputs) if it.digest not in done]


def _check(op: Op) -> None:
    """What BuildKit checks before it begins, in its words (solver/llbsolver/ops/opsutils/validate.go)."""
    kinds = [it for it in (op.exec, op.source, op.file, op.merge, op.diff) if it is not None]
    if op.build is not None:
        raise UnsupportedError("operations of the kind build are not supported")
    if op.passthrough is not None:
        raise UnsupportedError("operations of the kind passthrough are not supported")
    if len(kinds) != 1:
        raise InvalidArgumentError("could not resolve an operation of an unknown kind")
    if op.exec is not None:
        _check_program(op.exec)
    if op.file is not None and not op.file.actions:
        raise InvalidArgumentError("invalid file op with no actions")
    if op.constraints is not None and op.constraints.filter:
        raise UnsupportedError(f"constraints of workers are not supported: {op.constraints.filter[0]}")


def _check_program(op: ExecOp) -> None:
    if op.meta is None:
        raise InvalidArgumentError("invalid exec op with no meta")
    if not op.meta.args:
        raise InvalidArgumentError("invalid exec op with no args")
    if not op.mounts:
        raise InvalidArgumentError("invalid exec op with no mounts")
    if not any(it.dest == ROOT for it in op.mounts):
        raise InvalidArgumentError("invalid exec op with no rootfs")


def _name(op: Op, known: Mapping[str, Operation]) -> str:
    if op.source is not None:
        return op.source.identifier
    if op.exec is not None:
        return " ".join(op.exec.meta.args) if op.exec.meta is not None else ""
    if op.file is not None:
        return ", ".join(map(_action_name, op.file.actions))
    inputs = [known[it.digest].name for it in op.inputs]
    if op.merge is not None:
        return f"merge ({', '.join(inputs)})"
    assert op.diff is not None
    ends = [_input_name(inputs, it.input if it is not None else 0) for it in (op.diff.lower, op.diff.upper)]
    return f"diff {' -> '.join(ends)}"


def _input_name(inputs: Sequence[str], index: int) -> str:
    return f"({inputs[index]})" if 0 <= index < len(inputs) else "scratch"


def _action_name(action: FileAction) -> str:
    if (copy := action.copy) is not None:
        return f"copy {copy.src} {copy.dest}"
    if action.mkfile is not None:
        return f"mkfile {action.mkfile.path}"
    if action.mkdir is not None:
        return f"mkdir {action.mkdir.path}"
    if action.rm is not None:
        return f"rm {action.rm.path}"
    return f"symlink {action.symlink.old_path} -> {action.symlink.new_path}" if action.symlink else ""
