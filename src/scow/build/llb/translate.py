"""A definition's operations as vertices of the graph."""

from collections.abc import Mapping
from dataclasses import dataclass

from scow.build.graph.ops import (
    BaseOp,
    CopyFiles,
    DiffOp,
    FileOp,
    MergeOp,
    Outside,
    Owner,
    PickOp,
    Vertex,
)
from scow.build.graph.settings import Settings
from scow.build.llb.definition import Operation, Operations
from scow.build.llb.files import FileOperation, Source
from scow.build.llb.programs import Output, program_of
from scow.errors import InvalidArgumentError
from scow.spec.llb import NOTHING, Input


@dataclass(frozen=True, slots=True)
class Tree:
    """Files from elsewhere, and what is to become of them as a file system of their own."""

    source: Outside
    mode: str = ""
    owner: Owner | None = None


Begun = Vertex | Tree | None
"""What a source operation came to; ``None`` is an empty file system."""


class Translation:
    """Of one definition. ``begun`` is what its source operations came to, by digest."""

    def __init__(self, operations: Operations, begun: Mapping[str, Begun], settings: Settings) -> None:
        """Raises InvalidArgumentError, UnsupportedError."""
        self._settings = settings
        self._outputs: dict[str, Mapping[int, Vertex | Tree | None]] = {}
        self._made: dict[Tree, Vertex] = {}
        self._names: dict[Tree, str] = {}
        self.digests: dict[Vertex, str] = {}
        """Of the operations that vertices stand for."""
        for digest, operation in operations.operations.items():
            if operation.op.source is not None:
                made = begun[digest]
                self._outputs[digest] = {0: made}
                if isinstance(made, Tree):
                    self._names[made] = operation.name
            else:
                self._outputs[digest] = self._translated(operation)
            for output in self._outputs[digest].values():
                if isinstance(output, Vertex):
                    self.digests.setdefault(output, digest)
        self.result = self._vertex(self._found(operations.result)) or _scratch()

    def _translated(self, operation: Operation) -> Mapping[int, Vertex | Tree | None]:
        op = operation.op
        inputs = [self._found(it) for it in op.inputs]
        if op.exec is not None:
            return self._program(operation, inputs)
        if op.file is not None:
            sources = [self._source(it) for it in inputs]
            made = FileOperation(
                op.file, sources, operation.name, self._materialized, no_cache=operation.no_cache
            )
            return made.outputs()
        if op.merge is not None:
            chosen = [_input(inputs, it.input) for it in op.merge.inputs]
            return {0: self._stacked(operation, MergeOp(), chosen)}
        assert op.diff is not None
        ends = [it.input if it is not None else 0 for it in (op.diff.lower, op.diff.upper)]
        chosen = [_input(inputs, it) for it in ends]
        return {0: self._stacked(operation, DiffOp(), chosen)}

    def _program(
        self, operation: Operation, inputs: list[Vertex | Tree | None]
    ) -> Mapping[int, Vertex | Tree | None]:
        assert operation.op.exec is not None
        program = program_of(operation.op.exec, len(inputs), self._settings)
        base = self._vertex(inputs[program.base]) if program.base != NOTHING else None
        mounted = tuple(self._vertex(inputs[it]) or _scratch() for it in program.inputs)
        vertex = Vertex(
            program.op,
            base,
            mounted,
            name=operation.name,
            no_cache=operation.no_cache,
            settings=program.settings,
        )
        self.digests[vertex] = operation.digest

        def result(output: Output) -> Vertex | Tree | None:
            match output.kind:
                case "root":
                    return vertex
                case "mount":
                    return Vertex(PickOp(output.number), vertex, name=operation.name)
                case "input":
                    return _input(inputs, output.number)

        return {number: result(output) for number, output in program.outputs.items()}

    def _stacked(
        self, operation: Operation, op: MergeOp | DiffOp, inputs: list[Vertex | Tree | None]
    ) -> Vertex:
        sources = tuple(self._vertex(it) or _scratch() for it in inputs)
        return Vertex(op, None, sources, name=operation.name, no_cache=operation.no_cache)

    def _found(self, wanted: Input) -> Vertex | Tree | None:
        """Raises InvalidArgumentError for an output that an operation does not have."""
        outputs = self._outputs[wanted.digest]
        if wanted.index not in outputs:
            raise InvalidArgumentError(f"invalid output index {wanted.index} of {wanted.digest}")
        return outputs[wanted.index]

    def _source(self, found: Vertex | Tree | None) -> Source:
        """As something to copy from: files from elsewhere need not become a file system first."""
        plain = isinstance(found, Tree) and not found.mode and found.owner is None
        return found.source if isinstance(found, Tree) and plain else self._vertex(found)

    def _materialized(self, source: Source) -> Vertex | None:
        if source is None or isinstance(source, Vertex):
            return source
        return self._vertex(Tree(source))

    def _vertex(self, found: Vertex | Tree | None) -> Vertex | None:
        if not isinstance(found, Tree):
            return found
        if found not in self._made:
            copy = CopyFiles("/", "/", 0, found.owner, found.mode, contents=True, makes_folders=True)
            name = self._names.get(found, "")
            self._made[found] = Vertex(FileOp((copy,)), None, (found.source,), name=name)
        return self._made[found]


def _scratch() -> Vertex:
    return Vertex(BaseOp("scratch", None), name="scratch")


def _input(inputs: list[Vertex | Tree | None], index: int) -> Vertex | Tree | None:
    """Raises InvalidArgumentError."""
    if index == NOTHING:
        return None
    if not 0 <= index < len(inputs):
        raise InvalidArgumentError(f"invalid input index {index}, {len(inputs)} provided")
    return inputs[index]
