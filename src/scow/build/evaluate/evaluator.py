"""Stages of a Dockerfile, evaluated one instruction after the other.

Both front doors use this: the classic builder does what each instruction made before it looks at the next,
BuildKit's evaluates everything and then has the graph solved.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.flags import suggestion
from scow.build.dockerfile.instructions import Instruction, Stage
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.source import DockerfileError, Location
from scow.build.evaluate.base import SCRATCH, BaseImage, Resolver
from scow.build.evaluate.mistakes import MistakesAt
from scow.build.evaluate.observing import Observer
from scow.build.evaluate.options import MAIN_CONTEXT, Options
from scow.build.evaluate.run_mounts import parse_mount
from scow.build.evaluate.stage_evaluation import StageEvaluation
from scow.build.evaluate.stage_state import StageState, begin_stage
from scow.build.evaluate.variables import Scope, platform_arguments
from scow.build.graph.ops import BaseOp, ContextSource, Outside, Vertex
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.platform import Platform, parse_platform

_IMAGE_SCHEMES = ("docker-image://", "oci-layout://", "input:")


class Evaluator:
    """One Dockerfile in one build."""

    def __init__(
        self, dockerfile: Dockerfile, options: Options, resolver: Resolver, observer: Observer | None = None
    ) -> None:
        """Raises DockerfileError for arguments before the first FROM that cannot be."""
        self.dockerfile = dockerfile
        self.options = options
        self._resolver = resolver
        self._observer = observer
        self._images: dict[str, BaseImage] = {}
        self._states: dict[int, StageState] = {}
        self._open: set[int] = set()
        self.unresolved: Location | None = None
        """Where an image is wanted that could not be had."""
        self.global_scope = self._scope(
            {}, platform_arguments(options.build_platform, options.platform, options.target)
        )
        self._declare_global_arguments()

    def _scope(self, outer: Mapping[str, str], always: Mapping[str, str]) -> Scope:
        return Scope(self.options.build_arguments, {**always, **outer}, self.dockerfile.directives.escape)

    def _declare_global_arguments(self) -> None:
        scope = self.global_scope
        # The platform's are there before the first FROM without being declared.
        scope.arguments.update(
            {name: value for name, value in scope.outer.items() if name not in scope.given}
        )
        for instruction in self.dockerfile.arguments:
            for name, default in instruction.arguments:
                with MistakesAt(self.dockerfile.source, instruction.location):
                    scope.declare(name, None if default is None else scope.expand(default))

    def target_index(self) -> int:
        """The stage that is to be built. Raises InvalidArgumentError for one that is not there."""
        name = self.options.target
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
        found = [self._base_stage(self._base_name(stage), index)]
        for instruction in stage.instructions:
            found += [self._source_stage(name, index) for name in _references(instruction)]
        return found

    def _base_stage(self, name: str, before: int) -> int | None:
        """What FROM means: never a number, and for BuildKit the name of no stage in other letters."""
        if name.isdecimal() or (self.options.as_buildkit and name != name.lower()):
            return None
        return self._stage_named(name, before)

    def _stage_named(self, name: str, before: int) -> int | None:
        """``None`` also where a named context takes the stage's place."""
        if not name or name.lower() in self.options.contexts:
            return None
        return self.dockerfile.find_stage(name, before)

    def _source_stage(self, name: str, index: int) -> int | None:
        """What ``--from`` in stage ``index`` means: an earlier one before any other of that name."""
        found = self._stage_named(name, index)
        if found is None and self.options.as_buildkit:
            found = self._stage_named(name, len(self.dockerfile.stages))
        return found

    def _base_name(self, stage: Stage) -> str:
        with MistakesAt(self.dockerfile.source, stage.location):
            return self.global_scope.expand(stage.base)

    def _named_base(self, stage: Stage) -> str:
        name = self._base_name(stage)
        if not name:
            what = f"base name ({stage.base}) should not be blank"
            raise DockerfileError(what, self.dockerfile.source, stage.location)
        return name

    async def find_bases(self, wanted: Iterable[int]) -> None:
        """What all stages begin as is read, and found for those that are wanted.

        Whoever looks at everything first so fails for a FROM that cannot be, although nobody needs it.
        Raises DockerfileError, and what finding an image raises.
        """
        platforms = [self._read_from(stage) for stage in self.dockerfile.stages]
        for index in wanted:
            stage = self.dockerfile.stages[index]
            name = self._base_name(stage)
            if self._base_stage(name, index) is None:
                base = await self._image(name, platforms[index], stage.location)
                if self._observer is not None:
                    self._observer.check_image(stage, base, platforms[index])

    def _read_from(self, stage: Stage) -> Platform:
        if self._observer is not None:
            self._observer.check_from(stage, self.global_scope)
        self._named_base(stage)
        return self._platform(stage)

    async def begin(self, index: int) -> StageEvaluation:
        """Stage ``index``, up to its FROM. Raises DockerfileError, and what finding an image raises."""
        stage = self.dockerfile.stages[index]
        name = self._named_base(stage)
        scope = self.stage_scope(index)
        platform = self._platform(stage)
        earlier = self._base_stage(name, index)
        if earlier is not None:
            before = await self.finished(earlier)
            if self.options.as_buildkit:
                scope.arguments = dict(before.scope.arguments)
            state = before.continued(scope)
        else:
            base = await self._image(name, platform, stage.location)
            state = begin_stage(
                base,
                scope,
                platform,
                default_path=self.options.default_path,
                as_buildkit=self.options.as_buildkit,
            )
        triggers, state.config.on_build = list(state.config.on_build or []), None
        observer = None if self._observer is None else self._observer.steps_of(index, earlier)
        return StageEvaluation(self, index, state, triggers, continues=earlier, observer=observer)

    def stage_scope(self, index: int) -> Scope:
        options = self.options
        always = platform_arguments(options.build_platform, options.platform, options.target)
        declared = {name for instruction in self.dockerfile.arguments for name, _ in instruction.arguments}
        outer = {
            name: value for name in declared if (value := self.global_scope.arguments.get(name)) is not None
        }
        return self._scope(outer, always)

    def _platform(self, stage: Stage) -> Platform:
        if not stage.platform:
            return self.options.platform
        with MistakesAt(self.dockerfile.source, stage.location, "--platform"):
            text = self.global_scope.expand(stage.platform)
            if not text:
                what = f"empty platform value from expression {stage.platform}"
                raise InvalidArgumentError(what + self._near(stage.platform))
            try:
                found = parse_platform(text)
            except InvalidArgumentError as exc:
                what = f"failed to parse platform {stage.platform}: {exc.message}"
                raise InvalidArgumentError(what + self._near(stage.platform)) from exc
        return found if found.architecture else self.options.platform

    def _near(self, word: str) -> str:
        """What a name without a value in ``word`` may have been meant for."""
        scope = self.global_scope
        near = (suggestion(it.name, it.known, folds_case=False) for it in scope.unset if it.word == word)
        return next(filter(None, near), "")

    async def _image(self, name: str, platform: Platform, location: Location) -> BaseImage:
        named = self.options.contexts.get(name.lower())
        if named is not None and named.startswith(_IMAGE_SCHEMES):
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
                self.keep(index, await (await self.begin(index)).finish())
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
            context = self.options.contexts.get(name.lower())
            if stage is not None:
                self._check_order(instruction, stage, index, name, target)
                found[name] = (await self.finished(stage)).vertex
            elif context is not None and not context.startswith(_IMAGE_SCHEMES):
                found[name] = ContextSource(context)
            else:
                base = await self._image(name, self.options.platform, instruction.location)
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
