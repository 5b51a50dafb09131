"""``POST /build``: a context comes in, an image comes out, and everything between is told."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from scow.build.classic import messages
from scow.build.classic.builder import ClassicBuild
from scow.build.classic.channel import Channel
from scow.build.classic.left_programs import LeftPrograms
from scow.build.classic.messages import Message
from scow.build.classic.step_images import StepImages
from scow.build.classic.step_solver import StepSolver
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.source import TextError
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import MAIN_CONTEXT, Options
from scow.build.evaluate.variables import PROXY_ARGUMENTS
from scow.build.frontend.checking import parsed
from scow.build.graph.executor import RunFailedError
from scow.build.graph.job import Job, NoSecrets
from scow.build.graph.settings import Settings
from scow.build.remote_context import remote_context
from scow.build.request import as_sent, find_dockerfile, limits_of, parse_tags
from scow.build.trees.archive import receive_archive
from scow.build.trees.tree import Tree
from scow.build.workshop import Registries, Workshop
from scow.errors import NotFoundError, ScowError
from scow.image.model import Image
from scow.image.store import ImageStore
from scow.spec.engine_api.auth import AuthConfig
from scow.spec.engine_api.build import BuildRequest
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.platform import Platform, parse_platform
from scow.spec.reference import Reference, parse_reference
from scow.tasks import TaskOwner, run_blocking

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Asked:
    """A build that may begin: everything that can be checked before is right."""

    request: BuildRequest
    evaluator: Evaluator
    context: Tree
    tags: Sequence[Reference]


class Builds:
    """The classic front door."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def build(self, request: BuildRequest, body: AsyncIterable[bytes]) -> AsyncIterator[Message]:
        """Take in the context and check everything that can be; then the progress, to be read.

        Raises InvalidArgumentError, ScowError before anything is built.
        """
        await self._workshop.cache.load()
        tags = parse_tags(request.tags)
        platform = self._asked_platform(request.platform)
        async with AsyncExitStack() as stack:
            tree, name = await self._context(request, body, stack)
            dockerfile = await _parsed(await run_blocking(find_dockerfile, tree, name), name)
            context = await run_blocking(as_sent, tree, name)
            options = Options(
                build_arguments={
                    key: value for key, value in request.build_args.items() if value is not None
                },
                build_platform=self._workshop.platform,
                platform=platform,
                target=request.target,
                default_path=True,
            )
            resolver = _Resolver(self._workshop.images, self._workshop.registries, request)
            evaluator = Evaluator(dockerfile, options, resolver)
            evaluator.target_index()
            return self._progress(_Asked(request, evaluator, context, tags), resolver, stack.pop_all())

    def _asked_platform(self, text: str) -> Platform:
        found = parse_platform(text) if text else self._workshop.platform
        return found if found.architecture else self._workshop.platform

    async def _context(
        self, request: BuildRequest, body: AsyncIterable[bytes], stack: AsyncExitStack
    ) -> tuple[Tree, str]:
        """The context, and the path of the Dockerfile in it."""
        name = request.dockerfile or "Dockerfile"
        if not request.remote:
            self._workshop.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            archive = await receive_archive(body, str(self._workshop.folder), self._workshop.archives)
            stack.callback(archive.close)
            return archive, name
        tree, is_dockerfile = await remote_context(
            request.remote, self._workshop.downloads, str(self._workshop.folder), NoSecrets(), stack
        )
        return tree, "Dockerfile" if is_dockerfile else name

    async def _progress(
        self, asked: "_Asked", resolver: "_Resolver", stack: AsyncExitStack
    ) -> AsyncIterator[Message]:
        """Everything that is told; the build ends when nobody reads any more."""
        quiet = asked.request.quiet
        told, unsaid = Channel(), Channel()
        async with stack, TaskOwner("build") as owner:
            say = unsaid.say if quiet else told.say
            resolver.say = say
            work = owner.start(self._guarded(asked, say, told), name=asked.request.dockerfile)
            while (message := await told.take()) is not None:
                yield message
            failure = await work
        if failure is not None:
            for message in unsaid.rest():
                yield message
        if isinstance(failure, RunFailedError):
            yield messages.run_failed(failure)
        elif failure is not None:
            raise failure

    async def _guarded(
        self, asked: "_Asked", say: Callable[[Message], None], told: Channel
    ) -> Exception | None:
        """Build, and say how that failed if it did."""
        try:
            image_id = await self._build(asked, say)
            if asked.request.quiet:
                told.say(messages.stream(f"{image_id}\n"))
        except Exception as exc:  # raised again when all messages have been told
            return exc
        finally:
            told.end()
        return None

    async def _build(self, asked: "_Asked", say: Callable[[Message], None]) -> str:
        request = asked.request
        async with self._workshop.images.lease() as lease, TaskOwner("steps of a build") as tasks:
            uses_images = bool(request.cache_from)
            job = Job(
                lease=lease,
                tell=lambda _: None,
                settings=_settings(request),
                contexts={MAIN_CONTEXT: asked.context},
                use_cache=not request.no_cache and not uses_images,
                keeps_failed=not request.force_remove,
            )
            left = LeftPrograms(job.settings, request.remove, request.force_remove)
            cached = self._cache_images(request) if uses_images else None
            step_images = StepImages(self._workshop.images, job, cached)
            solver = StepSolver(self._workshop.solver, job, tasks, left, say)
            build = ClassicBuild(request, asked.evaluator, solver, step_images)
            try:
                image_id = await build.run()
            finally:
                await asyncio.shield(self._record(step_images, left))
                await asyncio.gather(*job.keeps, self._workshop.cache.settle(), return_exceptions=True)
                self._workshop.upkeep.build_ended()
            say(messages.stream(f"Successfully built {image_id.removeprefix('sha256:')[:12]}\n"))
            for reference in asked.tags:
                await self._workshop.images.tag(image_id, reference)
                self._workshop.tell_image(image_id, "tag", reference.familiar())
                say(messages.stream(f"Successfully tagged {reference.familiar()}\n"))
            return image_id

    async def _record(self, step_images: StepImages, left: LeftPrograms) -> None:
        """The images of all steps, and containers on them."""
        await step_images.record()
        for program in left.kept:
            await self._workshop.containers.keep(program)

    def _cache_images(self, request: BuildRequest) -> list[Image]:
        """Those of ``--cache-from`` that are here."""
        found = []
        for name in request.cache_from:
            with suppress(ScowError):
                found.append(self._workshop.images.resolve(name))
        return found


class _Resolver:
    """Finds images here, and pulls those that are not, or all where that was asked."""

    def __init__(self, images: ImageStore, registries: Registries, request: BuildRequest) -> None:
        self._images = images
        self._registries = registries
        self._request = request
        self._pulled: set[str] = set()
        self.say: Callable[[Message], None] = lambda _: None

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        """Raises NotFoundError, InvalidArgumentError, ScowError."""
        if self._request.pull and reference not in self._pulled and not reference.startswith("sha256:"):
            image = await self._pull(reference, platform)
        else:
            try:
                image = self._images.resolve(reference)
            except NotFoundError:
                image = await self._pull(reference, platform)
        raw = await self._images.raw_config(image.id)
        config = decode_document(raw, ImageConfig, "image config")
        return BaseImage(reference, image.chain_id, config, image.id)

    async def _pull(self, name: str, platform: Platform) -> Image:
        reference = parse_reference(name)
        auth = self._request.auths.get(reference.registry, AuthConfig())
        tag = reference.digest or reference.tag or "latest"
        async for message in await self._registries.pull(reference.name, tag, str(platform), auth):
            self.say(message)
        self._pulled.add(name)
        return self._images.resolve(name)


def _settings(request: BuildRequest) -> Settings:
    proxies = tuple(
        f"{name}={value}"
        for name, value in request.build_args.items()
        if name in PROXY_ARGUMENTS and value is not None
    )
    return Settings(
        network=request.network_mode or "default",
        hosts=request.extra_hosts,
        limits=limits_of(request),
        security_options=request.security_options,
        proxies=proxies,
        as_buildkit=False,
    )


async def _parsed(text: str, name: str) -> Dockerfile:
    """Raises DockerfileError in the classic builder's words."""
    try:
        return await parsed(text, name)
    except TextError as exc:
        exc.message = f"failed to parse Dockerfile: {exc.what}"
        raise
