"""Stages of a Dockerfile, evaluated one instruction after the other.

Both front doors use this: the classic builder does what each instruction made before it looks at the next,
BuildKit's evaluates everything and then has the graph solved.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.flags import suggestion
from scow.build.dockerfile.instructions import Instruction, Stage
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.reading import read_trigger
from scow.build.dockerfile.source import DockerfileError, Location
from scow.build.evaluate import file_steps
from scow.build.evaluate.base import SCRATCH, BaseImage, Resolver
from scow.build.evaluate.config_steps import apply_config_step
from scow.build.evaluate.run_mounts import parse_mount
from scow.build.evaluate.stage_state import Made, StageState, begin_stage
from scow.build.evaluate.step_names import step_place, step_text
from scow.build.evaluate.variables import Scope, platform_arguments
from scow.build.graph.ops import BaseOp, ContextSource, Op, Outside, Vertex
from scow.errors import InvalidArgumentError, ParseError, ScowError
from scow.spec.platform import Platform, parse_platform

MAIN_CONTEXT = "context"
"""The name of the context that ``COPY`` without ``--from`` reads."""
_IMAGES = ("docker-image://", "oci-layout://", "input:")


@dataclass(frozen=True, slots=True)
class Options:
    """What a build says of its Dockerfile.

    ``contexts`` are named contexts: ``docker-image://ref`` is an image, ``oci-layout://…`` and ``input:…``
    are such as the resolver knows by all of it, anything else is the name of a tree of the job.
    ``default_path``: a PATH is set where a base has none. ``shows_platform``: steps are called by their
    platform, too. ``as_buildkit``: stages that begin as others have their arguments, too, the name of a
    later stage is no image's, and ``WORKDIR /`` is no step.
    """

    build_arguments: Mapping[str, str]
    build_platform: Platform
    platform: Platform
    target: str = ""
    contexts: Mapping[str, str] = field(default_factory=dict)
    no_cache_stages: frozenset[str] = frozenset()
    default_path: bool = False
    shows_platform: bool = False
    as_buildkit: bool = False


class Evaluator:
    """One Dockerfile in one build."""

    def __init__(self, dockerfile: Dockerfile, options: Options, resolver: Resolver) -> None:
        """Raises DockerfileError for arguments before the first FROM that cannot be."""
        self.dockerfile = dockerfile
        self._options = options
        self._resolver = resolver
        self._images: dict[str, BaseImage] = {}
        self._states: dict[int, StageState] = {}
        self._open: set[int] = set()
        self.undefined: list[tuple[Location, str]] = []
        """Where instructions used variables that nobody had declared, and what there is to say of them."""
        self.unresolved: Location | None = None
        """Where an image is wanted that could not be had."""
        self.global_scope = self._scope(
            {}, platform_arguments(options.build_platform, options.platform, options.target)
        )
        self._declare_global_arguments()

    def _scope(self, outer: Mapping[str, str], always: Mapping[str, str]) -> Scope:
        return Scope(self._options.build_arguments, {**always, **outer}, self.dockerfile.directives.escape)

    def _declare_global_arguments(self) -> None:
        scope = self.global_scope
        # The platform's are there before the first FROM without being declared.
        scope.arguments.update(
            {name: value for name, value in scope.outer.items() if name not in scope.given}
        )
        for instruction in self.dockerfile.arguments:
            for name, default in instruction.arguments:
                with self.mistakes_at(instruction.location):
                    scope.declare(name, None if default is None else scope.expand(default))

    def target_index(self) -> int:
        """The stage that is to be built. Raises InvalidArgumentError for one that is not there."""
        name = self._options.target
        if not name:
            return len(self.dockerfile.stages) - 1
        found = self.dockerfile.find_stage(name, len(self.dockerfile.stages))
        if found is None:
            raise InvalidArgumentError(f'target stage "{name}" could not be found')
        return found

    def needed(self, target: int) -> list[int]:
        """The stages that ``target`` is made of, itself too, in order; triggers of images not counted."""
        wanted, queue = {target}, [target]
        while queue:
            index = queue.pop()
            for found in self._stages_in(index):
                if found is not None and found not in wanted:
                    wanted.add(found)
                    queue.append(found)
        return sorted(wanted)

    def _stages_in(self, index: int) -> list[int | None]:
        """What a stage names, as stages; ``None`` for images."""
        stage = self.dockerfile.stages[index]
        found = [self._stage_named(self._base_name(stage), index)]
        for instruction in stage.instructions:
            found += [self._source_stage(name, index) for name in _references(instruction)]
        return found

    def _stage_named(self, name: str, before: int) -> int | None:
        """``None`` also where a named context takes the stage's place."""
        if not name or name.lower() in self._options.contexts:
            return None
        return self.dockerfile.find_stage(name, before)

    def _source_stage(self, name: str, index: int) -> int | None:
        """What ``--from`` in stage ``index`` means: an earlier one before any other of that name."""
        found = self._stage_named(name, index)
        if found is None and self._options.as_buildkit:
            found = self._stage_named(name, len(self.dockerfile.stages))
        return found

    def _base_name(self, stage: Stage) -> str:
        with self.mistakes_at(stage.location):
            return self.global_scope.expand(stage.base)

    async def begin(self, index: int) -> "StageEvaluation":
        """Stage ``index``, up to its FROM. Raises DockerfileError, and what finding an image raises."""
        stage = self.dockerfile.stages[index]
        name = self._base_name(stage)
        if not name:
            raise self.mistake(stage.location, f"base name ({stage.base}) should not be blank")
        scope = self.stage_scope(index)
        platform = self._platform(stage)
        earlier = self._stage_named(name, index) if not name.isdecimal() else None
        if earlier is not None:
            before = await self.finished(earlier)
            if self._options.as_buildkit:
                scope.arguments = dict(before.scope.arguments)
            state = before.continued(scope)
        else:
            base = await self._image(name, platform, stage.location)
            state = begin_stage(
                base,
                scope,
                platform,
                default_path=self._options.default_path,
                as_buildkit=self._options.as_buildkit,
            )
        triggers, state.config.on_build = list(state.config.on_build or []), None
        return StageEvaluation(self, index, state, triggers, continues=earlier)

    def stage_scope(self, index: int) -> Scope:
        options = self._options
        always = platform_arguments(options.build_platform, options.platform, options.target)
        declared = {name for instruction in self.dockerfile.arguments for name, _ in instruction.arguments}
        outer = {
            name: value for name in declared if (value := self.global_scope.arguments.get(name)) is not None
        }
        return self._scope(outer, always)

    def _platform(self, stage: Stage) -> Platform:
        if not stage.platform:
            return self._options.platform
        with self.mistakes_at(stage.location, "--platform"):
            text = self.global_scope.expand(stage.platform)
            if not text:
                raise InvalidArgumentError(f"empty platform value from expression {stage.platform}")
            try:
                found = parse_platform(text)
            except InvalidArgumentError as exc:
                what = f"failed to parse platform {stage.platform}: {exc.message}"
                raise InvalidArgumentError(what) from exc
        return found if found.architecture else self._options.platform

    async def _image(self, name: str, platform: Platform, location: Location) -> BaseImage:
        named = self._options.contexts.get(name.lower())
        if named is not None and named.startswith(_IMAGES):
            name = named.removeprefix("docker-image://")
        elif name == "scratch":
            return SCRATCH
        key = f"{platform} {name}"
        if key not in self._images:
            try:
                self._images[key] = await self._resolver.resolve(name, platform)
            except ScowError:
                self.unresolved = location
                raise
        return self._images[key]

    async def finished(self, index: int) -> StageState:
        """How a stage ends; each is evaluated once.

        Raises InvalidArgumentError for stages that are made of each other, DockerfileError, and what finding
        an image raises.
        """
        if index in self._open:
            name = self.dockerfile.stages[index].name or str(index)
            raise InvalidArgumentError(f"circular dependency detected on stage: {name}")
        if index not in self._states:
            self._open.add(index)
            try:
                await (await self.begin(index)).finish()
            finally:
                self._open.discard(index)
        return self._states[index]

    def keep(self, index: int, state: StageState) -> None:
        """A stage is at its end."""
        self._states[index] = state

    async def find_sources(
        self, instruction: Instruction, index: int, state: StageState
    ) -> dict[str, Vertex | Outside]:
        """What an instruction names by ``--from`` or ``from=``, found."""
        found: dict[str, Vertex | Outside] = {"": ContextSource(MAIN_CONTEXT)}
        for name, target in _references(instruction, state).items():
            stage = self._source_stage(name, index)
            context = self._options.contexts.get(name.lower())
            if stage is not None:
                self._check_order(instruction, stage, index, name, target)
                found[name] = (await self.finished(stage)).vertex
            elif context is not None and not context.startswith(_IMAGES):
                found[name] = ContextSource(context)
            else:
                base = await self._image(name, self._options.platform, instruction.location)
                found[name] = Vertex(BaseOp(base.reference, base.chain_id), name=f"FROM {base.reference}")
        return found

    def _check_order(self, instruction: Instruction, wanted: int, index: int, name: str, target: str) -> None:
        """Raises InvalidArgumentError for a later stage, and for one that is made of this one."""
        if wanted < index:
            return
        stage = self.dockerfile.stages[index]
        if index in self.needed(wanted):
            raise InvalidArgumentError(f"circular dependency detected on stage: {stage.name or index}")
        if isinstance(instruction, it.Run):
            where = "stage needs to be defined before current command"
            raise InvalidArgumentError(f'cannot mount from stage "{name}" to "{target}", {where}')
        where = f'it needs to be defined before current stage "{stage.name or f"stage-{index}"}"'
        raise InvalidArgumentError(f'cannot copy from stage "{name}", {where}')

    @property
    def as_buildkit(self) -> bool:
        """See ``Options``."""
        return self._options.as_buildkit

    @property
    def names_stages(self) -> bool:
        """Whether steps are called by their stage: where it is not the only file system there is."""
        stages = self.dockerfile.stages
        return len(stages) > 1 or any(
            (isinstance(step, it.Copy) and step.from_) or (isinstance(step, it.Run) and step.mounts)
            for step in stages[0].instructions
        )

    @property
    def shows_platform(self) -> bool:
        """Whether steps are called by their platform."""
        return self._options.shows_platform

    def shown_platform(self, stage: Platform) -> str:
        """A stage's, and what the build is for where that is another."""
        target = self._options.platform
        return str(stage) if stage == target else f"{stage}->{target.architecture}"

    @property
    def images(self) -> Mapping[str, BaseImage]:
        """Every image that was asked for, by platform and name."""
        return self._images

    def declared_arguments(self) -> set[str]:
        """Every name that an ARG anywhere in the file has."""
        everywhere = [*self.dockerfile.arguments]
        for stage in self.dockerfile.stages:
            everywhere += [
                instruction for instruction in stage.instructions if isinstance(instruction, it.Arg)
            ]
        return {name for instruction in everywhere for name, _ in instruction.arguments}

    def is_without_cache(self, stage: Stage, index: int) -> bool:
        """``--no-cache-filter``."""
        names = {name.lower() for name in self._options.no_cache_stages}
        return bool(names) and (stage.name in names or str(index) in names)

    def mistake(self, location: Location, message: str, token: str = "") -> DockerfileError:
        """An error that shows the lines of ``location``."""
        return DockerfileError(message, self.dockerfile.source, location, token)

    def mistakes_at(self, location: Location, token: str = "") -> "_MistakesAt":
        """Within the block, what cannot be right is so there."""
        return _MistakesAt(self, location, token)

    def mistakes_in(self, instruction: Instruction) -> "_MistakesAt":
        """Within the block, what cannot be right is so at this instruction."""
        return _MistakesAt(self, instruction.location, instruction.word)


class _MistakesAt:
    """Gives mistakes that have no place yet the place of what is evaluated."""

    def __init__(self, evaluator: Evaluator, location: Location, token: str) -> None:
        self._evaluator = evaluator
        self._location = location
        self._token = token

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, *rest: object) -> None:
        if isinstance(exc, InvalidArgumentError) and not isinstance(exc, ParseError):
            raise self._evaluator.mistake(self._location, exc.message, self._token) from exc


class StageEvaluation:
    """One stage while its instructions are evaluated. ``triggers`` of its base come first."""

    def __init__(
        self,
        evaluator: Evaluator,
        index: int,
        state: StageState,
        triggers: list[str],
        *,
        continues: int | None = None,
    ) -> None:
        """``continues`` is the index of the stage that this one begins as, ``None`` for an image."""
        self._evaluator = evaluator
        self.index = index
        self.continues = continues
        self.state = state
        self.stage = evaluator.dockerfile.stages[index]
        escape = evaluator.dockerfile.directives.escape
        with evaluator.mistakes_at(self.stage.location):
            self.triggers = [read_trigger(text, self.stage.location, escape) for text in triggers]
        self._no_cache = evaluator.is_without_cache(self.stage, index)
        self._number = int(continues is None and state.base is not SCRATCH)
        self._total = self._number + sum(map(file_steps.is_file_step, self.instructions))

    @property
    def instructions(self) -> list[Instruction]:
        """Everything to be applied, in order."""
        return [*self.triggers, *self.stage.instructions]

    async def apply(self, instruction: Instruction) -> Made:
        """Evaluate one. Raises DockerfileError, and what finding an image raises."""
        state = self.state
        known = len(state.scope.unset)
        with self._evaluator.mistakes_in(instruction):
            text = apply_config_step(state, instruction)
            made = Made(text) if text is not None else await self._apply_file_step(instruction)
        if not (self._evaluator.as_buildkit and isinstance(instruction, it.Onbuild)):
            state.made.append(made)
        if instruction not in self.triggers:
            names = [name for name in state.scope.unset[known:] if name not in state.scope.arguments]
            known_names = list(state.scope.values())
            self._evaluator.undefined += [
                (instruction.location, f"Usage of undefined variable '${name}'{near}")
                for name in names
                for near in [suggestion(name, known_names, "$", folds_case=False)]
            ]
        return made

    async def finish(self) -> StageState:
        """Evaluate all that is left from the beginning on."""
        for instruction in self.instructions:
            await self.apply(instruction)
        self._evaluator.keep(self.index, self.state)
        return self.state

    async def _apply_file_step(self, instruction: Instruction) -> Made:
        state = self.state
        sources = await self._evaluator.find_sources(instruction, self.index, state)
        vertex = partial(self._vertex, instruction)
        match instruction:
            case it.Run():
                return file_steps.run(state, instruction, sources.__getitem__, vertex)
            case it.Workdir():
                return file_steps.workdir(
                    state, instruction, vertex, root_is_step=not self._evaluator.as_buildkit
                )
            case it.Copy():
                return file_steps.copy(state, instruction, sources.__getitem__, vertex)
        raise InvalidArgumentError(f"{instruction.word} cannot stand here")

    def _vertex(
        self, instruction: Instruction, op: Op, *, base: Vertex, sources: tuple[Vertex | Outside, ...] = ()
    ) -> Vertex:
        self._number += 1
        place = step_place(self._label(), self._number, self._total)
        trigger = "ONBUILD " if instruction in self.triggers else ""
        return Vertex(
            op,
            base,
            sources,
            name=f"{place} {trigger}{step_text(instruction, self.state.scope)}",
            stage=self.stage.name,
            first_line=instruction.location.start,
            last_line=instruction.location.end,
            no_cache=self._no_cache,
            platform=self.state.platform,
        )

    def _label(self) -> str:
        label = ""
        if self._evaluator.shows_platform:
            label = f"{self._evaluator.shown_platform(self.state.platform)} "
        if not self._evaluator.names_stages:
            return label
        return f"{label}{self.stage.name or f'stage-{self.index}'} "


def _references(instruction: Instruction, state: StageState | None = None) -> dict[str, str]:
    """Names of stages, contexts and images in an instruction, with where they go."""
    if isinstance(instruction, it.Copy) and instruction.from_:
        return {instruction.from_: instruction.target}
    if isinstance(instruction, it.Run):
        expand: Callable[[str], str] = state.scope.expand if state is not None else lambda text: text
        return {name: target for text in instruction.mounts for name, target in _mounted(text, expand)}
    return {}


def _mounted(text: str, expand: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    with suppress(InvalidArgumentError):  # it is refused when its step is evaluated
        mount, name = parse_mount(text, expand)
        if name:
            yield name, mount.target
