"""File operations: actions that follow each other on one file system make one layer.

An action counts what it works on, and what it copies, by index: first the operation's inputs, then what its
actions made. Where several need what one action made, or it is a result, it becomes a vertex of its own.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scow.build.execute.copying import numeric_mode
from scow.build.graph.ops import (
    CopyFiles,
    FileAction,
    FileOp,
    MakeFolder,
    MakeSymlink,
    Outside,
    Owner,
    RemoveFiles,
    Vertex,
    WriteFile,
)
from scow.errors import InvalidArgumentError
from scow.spec import llb
from scow.spec.llb import NOTHING

Source = Vertex | Outside | None
"""``None`` is an empty file system."""
_MAX_ACTIONS = 4096


@dataclass(frozen=True, slots=True)
class _Chain:
    """Actions that are to be one vertex, on ``base``."""

    base: Vertex | None
    actions: tuple[FileAction, ...] = ()
    sources: tuple[Vertex | Outside, ...] = field(default=())


class FileOperation:
    """One of them. ``inputs`` are what it begins with, ``materialized`` makes a vertex of such a one."""

    def __init__(
        self,
        op: llb.FileOp,
        inputs: Sequence[Source],
        name: str,
        materialized: Callable[[Source], Vertex | None],
        *,
        no_cache: bool,
    ) -> None:
        """Raises InvalidArgumentError."""
        if len(op.actions) > _MAX_ACTIONS:
            raise InvalidArgumentError(f"a file operation of more than {_MAX_ACTIONS} actions")
        self._actions = op.actions
        self._inputs = inputs
        self._name = name
        self._materialized = materialized
        self._no_cache = no_cache
        self._uses = Counter(index for it in op.actions for index in _used(it))
        self._chains: list[_Chain] = []
        self._vertices: dict[int, Vertex | None] = {}

    def outputs(self) -> Mapping[int, Vertex | None]:
        """The results by their numbers. Raises InvalidArgumentError, UnsupportedError."""
        numbers = [it.output for it in self._actions if it.output != NOTHING]
        for number in numbers:
            if numbers.count(number) > 1:
                raise InvalidArgumentError(f"duplicate output {number}")
        if not numbers:
            raise InvalidArgumentError("no outputs specified")
        for number in range(len(numbers)):
            if number not in numbers:
                raise InvalidArgumentError(f"missing output index {number}")
        for place, action in enumerate(self._actions):
            self._check_indexes(place, action)
            self._chains.append(self._extended(action))
        return {
            it.output: self._vertex(len(self._inputs) + place)
            for place, it in enumerate(self._actions)
            if it.output != NOTHING
        }

    def _check_indexes(self, place: int, action: llb.FileAction) -> None:
        known = len(self._inputs) + len(self._actions)
        for index, what in ((action.input, "input"), (action.secondary_input, "secondary input")):
            if not NOTHING <= index < known:
                raise InvalidArgumentError(f"invalid {what} index {index}, {known} provided")
            if index >= len(self._inputs) + place:
                raise InvalidArgumentError(f"loop from index {len(self._inputs) + place}")

    def _extended(self, action: llb.FileAction) -> _Chain:
        """The chain of what it works on, with this action."""
        place = action.input - len(self._inputs)
        if place < 0 or self._stands_alone(place):
            chain = _Chain(self._vertex(action.input))
        else:
            chain = self._chains[place]
        reading = _Reading(list(chain.sources), action.input, self._vertex, self._source)
        read = reading.action(action)
        return _Chain(chain.base, (*chain.actions, read), tuple(reading.sources))

    def _stands_alone(self, place: int) -> bool:
        index = len(self._inputs) + place
        return self._actions[place].output != NOTHING or self._uses[index] > 1

    def _source(self, index: int) -> Source:
        if index == NOTHING:
            return None
        return self._inputs[index] if index < len(self._inputs) else self._vertex(index)

    def _vertex(self, index: int) -> Vertex | None:
        if index not in self._vertices:
            if index < len(self._inputs):
                self._vertices[index] = self._materialized(self._source(index))
            else:
                chain = self._chains[index - len(self._inputs)]
                op = FileOp(chain.actions)
                self._vertices[index] = Vertex(
                    op, chain.base, chain.sources, name=self._name, no_cache=self._no_cache
                )
        return self._vertices[index]


def _used(action: llb.FileAction) -> set[int]:
    return {action.input, action.secondary_input}


class _Reading:
    """One action read; what it needs is added to ``sources``."""

    def __init__(
        self,
        sources: list[Vertex | Outside],
        base: int,
        vertex: Callable[[int], Vertex | None],
        source: Callable[[int], Source],
    ) -> None:
        self.sources = sources
        self._base = base
        self._vertex = vertex
        self._source = source

    def action(self, action: llb.FileAction) -> FileAction:
        """Raises InvalidArgumentError, UnsupportedError."""
        kinds = (action.copy, action.mkfile, action.mkdir, action.rm, action.symlink)
        if sum(it is not None for it in kinds) != 1:
            raise InvalidArgumentError("invalid action type of a file operation")
        if (copy := action.copy) is not None:
            return self._copy(copy, self._source(action.secondary_input))
        if (make := action.mkfile) is not None:
            owner = self._owner(make.owner)
            return WriteFile(_path(make.path), make.data, make.mode, owner, _moment(make.timestamp))
        if (folder := action.mkdir) is not None:
            owner, moment_ns = self._owner(folder.owner), _moment(folder.timestamp)
            return MakeFolder(_path(folder.path), folder.mode, folder.make_parents, owner, moment_ns)
        if (link := action.symlink) is not None:
            owner = self._owner(link.owner)
            return MakeSymlink(_path(link.new_path), link.old_path, owner, _moment(link.timestamp))
        assert action.rm is not None
        return RemoveFiles(_path(action.rm.path), action.rm.allow_not_found, action.rm.allow_wildcard)

    def _copy(self, copy: llb.FileCopy, source: Source) -> CopyFiles:
        mode = copy.mode_text or (f"{copy.mode & 0o7777:o}" if copy.mode != -1 else "")
        numeric_mode(mode)
        return CopyFiles(
            source=_path(copy.src),
            target=_path(copy.dest),
            from_=self._added(source),
            owner=self._owner(copy.owner),
            mode=mode,
            moment_ns=_moment(copy.timestamp),
            wildcards=copy.allow_wildcard,
            may_be_empty=copy.allow_empty_wildcard,
            follows=copy.follow_symlink,
            contents=copy.dir_copy_contents,
            makes_folders=copy.create_dest_path,
            replaces=copy.always_replace,
            unpack=copy.attempt_unpack,
            includes=copy.include_patterns,
            excludes=copy.exclude_patterns,
        )

    def _added(self, source: Source) -> int:
        if source is None:
            return NOTHING
        if source not in self.sources:
            self.sources.append(source)
        return self.sources.index(source)

    def _owner(self, owner: llb.Chown | None) -> Owner | None:
        if owner is None or (owner.user is None and owner.group is None):
            return None
        named = [it.by_name for it in (owner.user, owner.group) if it is not None and it.by_name is not None]
        inputs = {it.input for it in named}
        if any(it < 0 for it in inputs):
            raise InvalidArgumentError(f"invalid user index: {min(inputs)}")
        if len(inputs) > 1:
            raise InvalidArgumentError("a user and a group by the accounts of two file systems")
        accounts = NOTHING
        for index in inputs - {self._base}:
            accounts = self._added(self._vertex(index))
        return Owner(_user(owner.user), _user(owner.group), accounts)


def _user(user: llb.User | None) -> str:
    if user is None:
        return ""
    return user.by_name.name if user.by_name is not None else str(user.by_id)


def _path(path: str) -> str:
    if "\0" in path:
        raise InvalidArgumentError("invalid argument: a path with a zero byte")
    return path


def _moment(timestamp: int) -> int | None:
    return None if timestamp == -1 else timestamp
