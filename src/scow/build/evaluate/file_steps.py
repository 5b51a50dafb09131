"""Instructions that change files: RUN, COPY, ADD and WORKDIR become vertices."""

import hashlib
import posixpath
import re
from collections.abc import Callable
from dataclasses import replace

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.heredoc import Heredoc, parse_heredoc
from scow.build.dockerfile.instructions import Instruction
from scow.build.dockerfile.source import valid_text
from scow.build.evaluate.config_steps import command_args, working_directory
from scow.build.evaluate.git_address import is_git_address, parse_git_address
from scow.build.evaluate.run_mounts import parse_mount
from scow.build.evaluate.stage_state import Made, StageState
from scow.build.execute.copy_step import several_sources, target_path
from scow.build.execute.copying import numeric_mode
from scow.build.execute.downloads import file_name
from scow.build.graph.ops import (
    BaseOp,
    ContextSource,
    CopyOp,
    DownloadSource,
    FilesSource,
    GitSource,
    MakeFolderOp,
    MergeOp,
    Mount,
    Outside,
    RunOp,
    Unpacking,
    Vertex,
)
from scow.errors import InvalidArgumentError

Source = Vertex | Outside
FindSource = Callable[[str], Source]
"""What ``--from`` or a mount's ``from`` names. Raises NotFoundError."""

# What a released front end says; experimental ones ("labs") hand the names on to the engine's CDI.
_NO_DEVICES = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later"
_URL = re.compile(r"https?://", re.I)


def run(state: StageState, instruction: it.Run, find: FindSource, vertex: Callable[..., Vertex]) -> Made:
    """Raises InvalidArgumentError, NotFoundError."""
    if instruction.devices:
        raise InvalidArgumentError(_NO_DEVICES)
    args, files = _program(state, instruction)
    mounts, sources = _mounts(state, instruction, find)
    arguments = state.scope.program_arguments()
    env = [f"{name}={value}" for name, value in {**state.scope.env, **dict(arguments)}.items()]
    op = RunOp(
        args=tuple(args),
        env=tuple(env),
        cwd=state.config.working_dir or "/",
        user=state.config.user,
        network=instruction.network or "default",
        insecure=instruction.security == "insecure",
        mounts=tuple(mounts),
        files=files,
    )
    made = vertex(op, base=state.vertex, sources=tuple(sources))
    state.vertex = made
    front = (
        f"|{len(arguments)} {' '.join(f'{name}={value}' for name, value in arguments)} " if arguments else ""
    )
    return Made(f"RUN {front}{' '.join(args)}", made)


def _program(state: StageState, instruction: it.Run) -> tuple[list[str], tuple[tuple[str, bytes], ...]]:
    """The arguments, and scripts that are to be there as files."""
    command, heredocs = instruction.command, instruction.heredocs
    if not heredocs or not command.shell:
        return command_args(state, command), ()
    text = command.words[0]
    first = parse_heredoc(text) if len(heredocs) == 1 else None
    if first is None or first.name != heredocs[0].name:
        # The shell reads the documents itself.
        whole = text + "".join(f"\n{doc.content}{doc.name}" for doc in heredocs)
        return [*state.shell, valid_text(whole)], ()
    script = heredocs[0].text()
    if not script.startswith("#!"):
        return [*state.shell, valid_text(script)], ()
    name = posixpath.basename(first.name) or "script"
    program = f"/dev/pipes/{name}"
    return [*state.shell, program], ((name, script.encode("utf-8", "surrogateescape")),)


def _mounts(state: StageState, instruction: it.Run, find: FindSource) -> tuple[list[Mount], list[Source]]:
    mounts: list[Mount] = []
    sources: list[Source] = []
    for text in instruction.mounts:
        mount, from_ = parse_mount(text, state.scope.expand)
        if mount.kind in ("bind", "cache", "tmpfs") and working_directory(state, mount.target) == "/":
            raise InvalidArgumentError('invalid mount target "/"')
        source = find(from_) if from_ or mount.kind == "bind" else None
        if isinstance(source, Vertex):
            mount = replace(mount, from_=len(sources))
            sources.append(source)
        elif isinstance(source, ContextSource):
            mount = replace(mount, context=source.name)
        mounts.append(mount)
    return mounts, sources


def workdir(
    state: StageState, instruction: it.Workdir, vertex: Callable[..., Vertex], *, root_is_step: bool
) -> Made:
    """The folder is made, and is where all that follows begins. ``root_is_step``: "/" is made, too."""
    path = working_directory(state, state.scope.expand(instruction.path))
    state.config.working_dir = path
    if path == "/" and not root_is_step:
        return Made(f"WORKDIR {path}")
    user = state.config.user if state.as_buildkit else ""
    made = vertex(MakeFolderOp(path, user), base=state.vertex)
    state.vertex = made
    return Made(f"WORKDIR {path}", made)


def copy(state: StageState, instruction: it.Copy, find: FindSource, vertex: Callable[..., Vertex]) -> Made:
    """COPY and ADD: files of another stage keep their owners. Raises InvalidArgumentError, NotFoundError."""
    patterns, sources = _sources(state, instruction, find)
    target, into_folder = target_path(state.config.working_dir or "/", state.scope.expand(instruction.target))
    if len(patterns) > 1 and not into_folder and not instruction.parents and not state.as_buildkit:
        raise InvalidArgumentError(several_sources(instruction.word.upper()))
    from_stage = any(isinstance(source, Vertex) for source in sources)
    chmod = state.scope.expand(instruction.chmod)
    numeric_mode(chmod)
    op = CopyOp(
        sources=patterns,
        target=target,
        into_folder=into_folder,
        chown=state.scope.expand(instruction.chown),
        chmod=chmod,
        excludes=tuple(state.scope.expand(it) for it in instruction.excludes),
        parents=instruction.parents,
        link=instruction.link,
        unpack=_unpack(instruction, sources),
        keep_owners=from_stage,
    )
    made = _linked(state, op, sources, vertex) or vertex(op, base=state.vertex, sources=sources)
    state.vertex = made
    shown = [*_shown_flags(op), *_shown_sources(state, instruction), state.scope.expand(instruction.target)]
    return Made(" ".join([instruction.word.upper(), *shown]), made)


def _linked(
    state: StageState, op: CopyOp, sources: tuple[Source, ...], vertex: Callable[..., Vertex]
) -> Vertex | None:
    """``--link``: the files are a layer on nothing, which is put on what is there. ``None`` without it.

    So the copy need not be done again when what is below changes. Names of owners would be those of what is
    below; where there are any, the copy is made there (BuildKit fails then: moby/buildkit#2987).
    """
    if not (op.link and state.as_buildkit) or not _is_numeric(op.chown):
        return None
    copied = vertex(op, base=Vertex(BaseOp("scratch", None)), sources=sources)
    if isinstance(state.vertex.op, BaseOp) and state.vertex.op.chain_id is None:
        return copied
    return replace(copied, op=MergeOp(), base=None, sources=(state.vertex, copied), name="", no_cache=False)


def _is_numeric(chown: str) -> bool:
    return all(part.isdecimal() for part in chown.split(":") if part)


def _shown_sources(state: StageState, instruction: it.Copy) -> list[str]:
    """Paths, and then the documents by their names."""
    if not instruction.heredocs:
        return [state.scope.expand(text) for text in instruction.sources]
    documents = [parse_heredoc(text) for text in instruction.sources]
    both = list(zip(instruction.sources, documents, strict=True))
    paths = [state.scope.expand(text) for text, document in both if document is None]
    return paths + [f"<<{document.name}" for document in documents if document is not None]


def _shown_flags(op: CopyOp) -> list[str]:
    """Those that history has: what the files became, not where they came from."""
    flags = ["--parents"] if op.parents else []
    flags += [f"--chown={op.chown}"] if op.chown else []
    return flags + ([f"--chmod={op.chmod}"] if op.chmod else [])


def _unpack(instruction: it.Copy, sources: tuple[Source, ...]) -> Unpacking:
    if not isinstance(instruction, it.Add):
        return "never"
    outside = any(isinstance(source, DownloadSource) for source in sources)
    if instruction.unpack is None:
        return "never" if outside else "local"
    return "always" if instruction.unpack else "never"


def _sources(
    state: StageState, instruction: it.Copy, find: FindSource
) -> tuple[tuple[str, ...], tuple[Source, ...]]:
    """Patterns and the trees that they are in: one tree for all, or one for each."""
    found: list[tuple[str, Source]] = []
    plain: list[str] = []
    documents = {doc.name: doc for doc in instruction.heredocs}
    for written in instruction.sources:
        heredoc = parse_heredoc(written) if documents else None
        if heredoc is not None and heredoc.name in documents:
            found.append((heredoc.name, _document(state, documents[heredoc.name])))
            continue
        text = state.scope.expand(written)
        if isinstance(instruction, it.Add) and (_URL.match(text) or is_git_address(text)):
            found.append(_remote(text, instruction))
        else:
            plain.append(text)
    if isinstance(instruction, it.Add) and instruction.checksum:
        if len(instruction.sources) > 1:
            raise InvalidArgumentError("checksum can't be specified for multiple sources")
        if plain:
            raise InvalidArgumentError("checksum requires HTTP(S) or Git sources")
    if plain and not found:
        return tuple(plain), (find(instruction.from_),)
    found += [(text, find(instruction.from_)) for text in plain]
    return tuple(name for name, _ in found), tuple(source for _, source in found)


def _document(state: StageState, heredoc: Heredoc) -> FilesSource:
    text = heredoc.text()
    if heredoc.expanded:
        text = state.scope.expand_content(text)
    return FilesSource(((heredoc.name, text.encode("utf-8", "surrogateescape")),))


def _remote(text: str, instruction: it.Add) -> tuple[str, Source]:
    if is_git_address(text):
        return "/", _repository(text, instruction)
    name = file_name(text) or hashlib.sha256(text.encode()).hexdigest()[:12]
    return name, DownloadSource(text, instruction.checksum, name)


def _repository(text: str, instruction: it.Add) -> GitSource:
    """Its flags and its address may ask for the same, but not for two things."""
    source = parse_git_address(text)
    if instruction.keep_git_dir is not None:
        if source.keep_git_dir not in (None, instruction.keep_git_dir):
            raise InvalidArgumentError("keep-git-dir is specified in both the flag and the address")
        source = replace(source, keep_git_dir=instruction.keep_git_dir)
    if instruction.checksum:
        if source.commit not in ("", instruction.checksum):
            raise InvalidArgumentError(
                f"checksum conflicts: {source.commit!r} in the address, {instruction.checksum!r} in the flag"
            )
        source = replace(source, commit=instruction.checksum)
    return source


def is_file_step(instruction: Instruction) -> bool:
    """Whether it changes files."""
    return isinstance(instruction, it.Run | it.Copy | it.Workdir)
