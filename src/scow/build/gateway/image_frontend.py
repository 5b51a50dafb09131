"""One build by a front end that comes as an image: its program runs, and is answered until it has ended."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from scow.build.evaluate.base import BaseImage
from scow.build.frontend.resolving import ClientImages
from scow.build.frontend.workbench import Workbench
from scow.build.gateway.choosing import Chosen
from scow.build.gateway.driven import Driven
from scow.build.gateway.link import FrontEndLink
from scow.build.gateway.program import check_abilities, front_end_program
from scow.build.gateway.said import Said
from scow.errors import ScowError, UnsupportedError
from scow.image.threads import run_to_end
from scow.runtime.container_ids import new_id
from scow.runtime.program_run import Ended, ProgramNotStartedError, RunRequest
from scow.spec.digest import sha256_of
from scow.spec.driven_build import Conversation, FrontEndFailedError
from scow.spec.frontend_build import BuildFailedError, Built
from scow.spec.llb import Definition, Input, Op, OpMetadata, SourceOp
from scow.spec.oci_image import ImageConfig, RootFS
from scow.spec.reference import parse_reference
from scow.tasks import TaskOwner

_IMAGE = "docker-image://"
_LAYOUT = "oci-layout://"


class ImageFrontEnd:
    """See the module. The result is held by the ``stack`` of ``bench``."""

    def __init__(self, bench: Workbench, driven: Driven, chosen: Chosen) -> None:
        self._bench = bench
        self._driven = driven
        self._chosen = chosen

    async def run(self) -> Built:
        """What it returns. Raises FrontEndFailedError, BuildFailedError, ScowError."""
        try:
            return await self._built()
        except BuildFailedError as exc:
            if exc.place is not None or exc.left_image:
                raise
            raise self._failure(exc) from exc
        except ScowError as exc:
            raise self._failure(exc) from exc

    def _failure(self, error: ScowError) -> BuildFailedError:
        """At the line, or with the argument, that asked for the front end."""
        message, place = f"{self._chosen.prefix}{error.message}", self._chosen.place
        if isinstance(error, FrontEndFailedError):
            return FrontEndFailedError(message, error.code, error.details, place)
        return BuildFailedError(message, place)

    async def _built(self) -> Built:
        bench, chosen = self._bench, self._chosen
        request = bench.request
        image = await self._image()
        config = image.config or ImageConfig(rootfs=RootFS())
        check_abilities(config, chosen.options, has_inputs=bool(request.inputs))
        server = bench.workshop.front_ends
        platforms = bench.workshop.runnable.all()
        conversation = server.open(self._driven, request.inputs, platforms)
        bench.stack.push_async_callback(conversation.aclose)
        environment = server.environment(request.session_id, platforms)
        active = await bench.lease.prepare(image.chain_id, mount_points=True)
        try:
            root = await bench.lease.mount(active)
            with TemporaryDirectory(dir=await self._folder()) as folder:
                Path(folder, "frontend.bin").write_bytes(_definition(image).encode())
                program = front_end_program(new_id(), root, Path(folder), config, chosen.options, environment)
                await self._talk(program, conversation)
        finally:
            await bench.lease.discard(active)
        return await conversation.result()

    async def _folder(self) -> Path:
        folder = self._bench.workshop.folder
        await run_to_end(lambda: folder.mkdir(mode=0o700, parents=True, exist_ok=True))
        return folder

    async def _image(self) -> BaseImage:
        """Here, or pulled; a named context may take its place."""
        wanted = _named_context(self._chosen.image, self._chosen.options)
        bench = self._bench
        shown = wanted if wanted.startswith(_LAYOUT) else f"{_IMAGE}{parse_reference(wanted)}"
        images = ClientImages(bench, always_pull=False, told_as=f"resolve image config for {shown}")
        return await images.resolve(wanted, bench.workshop.platform)

    async def _talk(self, program: RunRequest, conversation: Conversation) -> None:
        """Until the program has ended. What it returned, or that it failed, is the conversation's to tell."""
        with Said(self._bench.telling, self._chosen.image) as said:
            link = FrontEndLink(said.more)
            async with TaskOwner("front end") as tasks:
                serving = tasks.start(conversation.serve(link), name="bridge")
                running = tasks.start(self._run(program, link), name=self._chosen.image)
                await asyncio.wait({serving, running}, return_when=asyncio.FIRST_COMPLETED)
                if not running.done():
                    running.cancel()
                    await asyncio.wait({running})
                    conversation.refuse(ScowError("frontend grpc server closed unexpectedly"))
                    return
                await link.end()
                await asyncio.wait({serving})
                try:
                    code = running.result().code
                except ScowError as exc:
                    conversation.refuse(exc)
                    return
        if code:
            conversation.refuse(ScowError(f"exit code: {code}"))

    async def _run(self, program: RunRequest, link: FrontEndLink) -> Ended:
        try:
            return await self._bench.workshop.programs.run_linked(program, link)
        except ProgramNotStartedError as exc:
            # To BuildKit the runtime is the program, which prints why.
            await link.output(2, f"{exc.reason}\n".encode())
            return Ended(1)


def _named_context(image: str, options: Mapping[str, str]) -> str:
    """What the image stands for in this build. Raises UnsupportedError for what is none."""
    names = (image, parse_reference(image).familiar()) if "://" not in image else (image,)
    for name in names:
        if (found := options.get(f"context:{name}")) is None:
            continue
        if found.startswith(_LAYOUT):
            return found
        if not found.startswith(_IMAGE):
            raise UnsupportedError(f"a front end cannot come from {found}")
        return found.removeprefix(_IMAGE)
    return image


def _definition(image: BaseImage) -> Definition:
    """By which a front end can have its own files."""
    reference = f"{image.reference}@{image.digest}" if image.digest else image.reference
    source = Op(source=SourceOp(f"{_IMAGE}{reference}")).encode()
    last = Op(inputs=(Input(sha256_of(source)),)).encode()
    return Definition((source, last), {sha256_of(source): OpMetadata()})
