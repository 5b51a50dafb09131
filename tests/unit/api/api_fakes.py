"""Services that remember how they were called and answer as a test tells them to."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from scow.api.http.duplex import Duplex
from scow.api.http.websocket import WebSocket
from scow.api.server.app import App, Services, build_app
from scow.api.server.streams import Attachment
from scow.errors import NotFoundError, UnsupportedError
from scow.spec.build_history import BuildHistory
from scow.spec.direct_build import DirectBuild
from scow.spec.driven_build import DrivenBuild
from scow.spec.engine_api.auth import AuthConfig, LoginAnswer
from scow.spec.engine_api.binfmt import (
    Emulator,
    EmulatorChange,
    EmulatorChanges,
    Emulators,
    EmulatorsWanted,
)
from scow.spec.engine_api.build import BuildRequest
from scow.spec.engine_api.check import CheckFinding, CheckSummary
from scow.spec.engine_api.container import ContainerConfig, ContainerCreate, ContainerUpdate, HostConfig
from scow.spec.engine_api.container_views import (
    ContainerCreated,
    ContainerInspect,
    ContainersPruned,
    ContainerState,
    ContainerSummary,
    ContainerTop,
    ContainerUpdated,
    GraphDriver,
    NetworkSettings,
    SummaryHostConfig,
    SummaryNetworkSettings,
    WaitResult,
)
from scow.spec.engine_api.disk_usage import DiskUsage
from scow.spec.engine_api.event import Actor, Event
from scow.spec.engine_api.exec import ExecCreate, ExecInspect, ExecProcessConfig, ExecStart
from scow.spec.engine_api.files import CommitOptions, CommitResult, FileChange, PathStat
from scow.spec.engine_api.image import (
    DistributionInspect,
    HistoryItem,
    ImageDeleteItem,
    ImageInspect,
    ImageMetadata,
    ImageSummary,
    RootFS,
)
from scow.spec.engine_api.network import (
    IPAM,
    ConfigReference,
    EndpointSettings,
    Network,
    NetworkCreate,
    NetworkCreated,
)
from scow.spec.engine_api.prune import BuildCachePrune, ImagePrune, NetworkPrune
from scow.spec.engine_api.scow_ports import Explanation, PortsChange, PortsChanged
from scow.spec.engine_api.stats import ContainerStats
from scow.spec.engine_api.volume import (
    SnapshotCreate,
    Volume,
    VolumeClone,
    VolumeCreate,
    VolumeList,
    VolumePrune,
    VolumeSnapshot,
)
from scow.spec.filters import Filters
from scow.spec.frontend_build import Built, CachePrune, CacheRecord, FrontendRequest
from scow.spec.platform import Platform
from scow.spec.stream_options import AttachOptions, LogQuery
from tests.unit.api.api_wire import Harness, serving

ID = "4fa6e0f0c6786287e131c3852c58a2e01cc697a68231826813597e4994f1d6e2"
IMAGE_ID = "sha256:" + "ab" * 32
CREATED = "2026-01-02T03:04:05.000000006Z"


class Recorder:
    """Remembers calls; ``fail`` with a method's name makes that method raise."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failures: dict[str, Exception] = {}

    def note(self, name: str, *args: Any, **kwargs: Any) -> None:
        self.calls.append((name, *args, *([kwargs] if kwargs else [])))
        if name in self.failures:
            raise self.failures[name]

    def fail(self, name: str, error: Exception) -> None:
        self.failures[name] = error

    @property
    def last(self) -> Any:
        return self.calls[-1]


class FakeContainers(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.body = ContainerCreate()
        self.inspection = inspection()

    async def create(self, name: str | None, body: ContainerCreate, *, platform: str) -> ContainerCreated:
        self.body = body
        self.note("create", name, platform)
        return ContainerCreated(id=ID, warnings=[])

    async def list(self, *, all: bool, limit: int, size: bool, filters: Filters) -> list[ContainerSummary]:
        self.note("list", all, limit, size, filters)
        return [summary()]

    async def inspect(self, ref: str, *, size: bool) -> ContainerInspect:
        self.note("inspect", ref, size)
        return self.inspection

    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None:
        self.note("remove", ref, force, volumes, link)

    async def rename(self, ref: str, name: str) -> None:
        self.note("rename", ref, name)

    async def top(self, ref: str, ps_args: str) -> ContainerTop:
        self.note("top", ref, ps_args)
        return ContainerTop(titles=["PID", "CMD"], processes=[["1", "sleep 60"]])


class FakeLifecycle(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.gate: asyncio.Event | None = None
        self.ended: asyncio.Future[WaitResult] | None = None

    async def start(self, ref: str) -> None:
        await self._verb("start", ref)

    async def stop(self, ref: str, *, timeout_s: int | None, signal: str | None) -> None:
        await self._verb("stop", ref, timeout_s, signal)

    async def restart(self, ref: str, *, timeout_s: int | None, signal: str | None) -> None:
        await self._verb("restart", ref, timeout_s, signal)

    async def kill(self, ref: str, signal: str) -> None:
        await self._verb("kill", ref, signal)

    async def pause(self, ref: str) -> None:
        await self._verb("pause", ref)

    async def unpause(self, ref: str) -> None:
        await self._verb("unpause", ref)

    def wait(self, ref: str, condition: str) -> Awaitable[WaitResult]:
        self.note("wait", ref, condition)
        self.ended = asyncio.get_running_loop().create_future()
        return self.ended

    async def _verb(self, name: str, *args: Any) -> None:
        self.note(name, *args)
        if self.gate is not None:
            await self.gate.wait()
            self.calls.append((f"{name} finished",))


class FakeAttachment:
    """Says hello when it runs, then echoes."""

    def __init__(self, *, multiplexed: bool) -> None:
        self.multiplexed = multiplexed
        self.ran = False

    async def run(self, conn: Duplex | WebSocket) -> None:
        self.ran = True
        await conn.write(b"hello\n")
        while data := await conn.read():
            await conn.write(data)


class FakeLogs:
    def __init__(self, *, multiplexed: bool, pieces: list[bytes]) -> None:
        self.multiplexed = multiplexed
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class FakeStreams(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.attachment: Attachment = FakeAttachment(multiplexed=True)
        self.log = FakeLogs(
            multiplexed=True, pieces=[b"\x01\0\0\0\0\0\0\x03hi\n", b"\x02\0\0\0\0\0\0\x03oh\n"]
        )

    async def attach(self, ref: str, options: AttachOptions) -> Attachment:
        self.note("attach", ref, options)
        return self.attachment

    async def logs(self, ref: str, query: LogQuery) -> FakeLogs:
        self.note("logs", ref, query)
        return self.log

    async def resize(self, ref: str, height: int, width: int) -> None:
        self.note("resize", ref, height, width)


class FakeExecs(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.created: ExecCreate | None = None
        self.started: ExecStart | None = None
        self.attachment = FakeAttachment(multiplexed=True)

    async def create(self, ref: str, body: ExecCreate) -> str:
        self.created = body
        self.note("create", ref)
        return ID

    async def start(self, exec_id: str, body: ExecStart) -> Attachment | None:
        self.started = body
        self.note("start", exec_id)
        return None if body.detach else self.attachment

    async def inspect(self, exec_id: str) -> ExecInspect:
        self.note("inspect", exec_id)
        process = ExecProcessConfig(tty=False, entrypoint="true", arguments=[], privileged=False)
        return ExecInspect(
            id=ID,
            running=True,
            exit_code=None,
            process_config=process,
            open_stdin=False,
            open_stderr=True,
            open_stdout=True,
            can_remove=False,
            container_id=ID,
            detach_keys="",
            pid=7,
        )

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        self.note("resize", exec_id, height, width)


def _given(*values: object) -> list[object]:
    return [value for value in values if value]


class FakeImages(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.progress: list[dict[str, Any] | Exception] = []
        self.received = b""

    async def list(
        self, *, all: bool, filters: Filters, shared_size: bool, digests: bool, manifests: bool
    ) -> list[ImageSummary]:
        self.note("list", all, filters, shared_size, digests, *([manifests] if manifests else []))
        return [image_summary()]

    async def inspect(
        self, name: str, platform: Platform | None = None, *, manifests: bool = False
    ) -> ImageInspect:
        self.note("inspect", name, *_given(platform, manifests))
        return image()

    async def history(self, name: str, platform: Platform | None = None) -> Any:
        self.note("history", name, *_given(platform))
        return [HistoryItem(id=IMAGE_ID, created=1, created_by="x", tags=None, size=0, comment="")]

    async def save(self, names: Sequence[str], platform: Platform | None = None) -> AsyncIterator[bytes]:
        self.note("save", *names, *_given(platform))
        return self._archive()

    async def _archive(self) -> AsyncIterator[bytes]:
        yield b"archive"

    async def tag(self, name: str, repo: str, tag: str) -> None:
        self.note("tag", name, repo, tag)

    async def delete(self, name: str, force: bool, noprune: bool, platforms: Sequence[Platform] = ()) -> Any:
        self.note("delete", name, force, noprune, *platforms)
        return [ImageDeleteItem(untagged="busybox:latest"), ImageDeleteItem(deleted=IMAGE_ID)]

    async def load(
        self, chunks: AsyncIterator[bytes], quiet: bool, platform: Platform | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        self.note("load", quiet, *_given(platform))
        return self._consume(chunks)

    async def import_(self, chunks: AsyncIterator[bytes], **options: Any) -> AsyncIterator[dict[str, Any]]:
        self.note("import", options)
        return self._consume(chunks)

    async def _consume(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
        async for chunk in chunks:
            self.received += chunk
        for item in self.progress:
            if isinstance(item, Exception):
                raise item
            yield item


class FakeVolumes(Recorder):
    async def create(self, body: VolumeCreate) -> Volume:
        self.note("create", body)
        return volume(body.name)

    async def list(self, filters: Filters) -> VolumeList:
        self.note("list", filters)
        return VolumeList(volumes=[volume("v")])

    async def inspect(self, name: str) -> Volume:
        self.note("inspect", name)
        return volume(name)

    async def remove(self, name: str, force: bool) -> None:
        self.note("remove", name, force)

    async def prune(self, filters: Filters) -> VolumePrune:
        self.note("prune", filters)
        return VolumePrune(volumes_deleted=["v"], space_reclaimed=3)


class FakeVolumeCopies(Recorder):
    async def clone(self, reference: str, body: VolumeClone) -> Volume:
        self.note("clone", reference, body)
        return volume(body.name)

    async def rename(self, name: str, new: str) -> None:
        self.note("rename", name, new)

    async def export(self, reference: str, *, pause: bool) -> AsyncIterable[bytes]:
        self.note("export", reference, pause)
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"tar"

    async def import_(
        self,
        name: str,
        chunks: AsyncIterable[bytes],
        labels: Mapping[str, str],
        options: Mapping[str, str],
    ) -> Volume:
        content = b"".join([chunk async for chunk in chunks])
        self.note("import", name, content, labels, options)
        return volume(name)


class FakeSnapshots(Recorder):
    async def list(self, name: str) -> list[VolumeSnapshot]:
        self.note("list", name)
        return [snapshot(name, "s")]

    async def create(self, name: str, body: SnapshotCreate) -> VolumeSnapshot:
        self.note("create", name, body)
        return snapshot(name, body.name)

    async def remove(self, name: str, snapshot: str) -> None:
        self.note("remove", name, snapshot)

    async def restore(self, name: str, snapshot: str) -> None:
        self.note("restore", name, snapshot)


class FakeNetworks(Recorder):
    async def list(self, filters: Filters) -> list[Network]:
        self.note("list", filters)
        return [network()]

    async def inspect(self, ref: str, scope: str) -> Network:
        self.note("inspect", ref, scope)
        return network()

    async def create(self, body: NetworkCreate) -> NetworkCreated:
        self.note("create", body)
        return NetworkCreated(id=ID)

    async def remove(self, ref: str) -> None:
        self.note("remove", ref)

    async def prune(self, filters: Filters) -> NetworkPrune:
        self.note("prune", filters)
        return NetworkPrune()


class FakeConnections(Recorder):
    async def connect(self, ref: str, container: str, settings: EndpointSettings) -> None:
        self.note("connect", ref, container, settings)

    async def disconnect(self, ref: str, container: str, *, force: bool) -> None:
        self.note("disconnect", ref, container, force)


class FakeSystem(Recorder):
    builder_version = "2"

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.followers = 0

    async def version(self) -> dict[str, Any]:
        self.note("version")
        return {
            "Version": "0.1.0",
            "ApiVersion": "1.55",
            "MinAPIVersion": "1.24",
            "GoVersion": "none",
            "Os": "linux",
            "Arch": "amd64",
            "KernelVersion": "6.1",
        }

    async def info(self) -> dict[str, Any]:
        self.note("info")
        return {
            "ID": "engine-id",
            "Name": "host",
            "Containers": 3,
            "Images": 2,
            "ServerVersion": "0.1.0",
            "OSType": "linux",
            "BridgeNfIptables": True,
            "Swarm": {"LocalNodeState": "inactive"},
        }

    async def events(self, since: str, until: str, filters: Filters) -> AsyncIterator[Event]:
        self.note("events", since, until, filters)
        return self._follow()

    async def _follow(self) -> AsyncIterator[Event]:
        self.followers += 1
        try:
            while (event := await self.queue.get()) is not None:
                yield event
        finally:
            self.followers -= 1


class FakeDiskUsages(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.found = DiskUsage()

    async def usage(self, kinds: Collection[str]) -> DiskUsage:
        self.note("usage", *sorted(kinds))
        return self.found


class FakePorts:
    """No container is here, so no port of one is."""

    async def add(self, ref: str, body: PortsChange) -> PortsChanged:
        raise NotFoundError(f"No such container: {ref}")

    async def remove(self, ref: str, body: PortsChange) -> PortsChanged:
        raise NotFoundError(f"No such container: {ref}")

    async def container(self, ref: str) -> Explanation:
        raise NotFoundError(f"No such container: {ref}")

    async def port(self, text: str) -> Explanation:
        raise NotFoundError(f"No such port: {text}")


class FakeEmulators(Recorder):
    async def list(self) -> Emulators:
        self.note("list")
        found = Emulator(name="qemu-arm", platforms=["linux/arm/v7"], status="enabled", interpreter="/qemu")
        return Emulators(platforms=["linux/amd64", "linux/arm/v7"], emulators=[found])

    async def install(self, wanted: EmulatorsWanted) -> EmulatorChanges:
        self.note("install", wanted)
        return EmulatorChanges(changes=[EmulatorChange(name="qemu-arm", outcome="registered")])

    async def remove(self, wanted: EmulatorsWanted) -> EmulatorChanges:
        self.note("remove", wanted)
        return EmulatorChanges(changes=[EmulatorChange(name="qemu-arm", outcome="removed")])


class FakeFrontendBuilds:
    """Builds nothing: BuildKit's protocol has tests of its own."""

    @property
    def history(self) -> BuildHistory:
        raise UnsupportedError("nothing is remembered here")

    def platforms(self) -> tuple[Platform, ...]:
        return ()

    def graph_capabilities(self) -> tuple[str, ...]:
        return ()

    async def records(self, filters: tuple[str, ...] = ()) -> list[CacheRecord]:
        return []

    async def prune(self, prune: CachePrune) -> list[CacheRecord]:
        return []

    async def solve(self, request: FrontendRequest) -> Built:
        raise UnsupportedError("nothing is built here")

    async def driven(self, request: FrontendRequest, stack: AsyncExitStack) -> DrivenBuild:
        raise UnsupportedError("nothing is built here")


class FakeDirectBuilds:
    """Says what it was asked."""

    async def build(self, asked: DirectBuild, body: AsyncIterable[bytes]) -> AsyncIterator[dict[str, Any]]:
        size = sum([len(chunk) async for chunk in body])
        return self._progress(asked, size)

    async def _progress(self, asked: DirectBuild, size: int) -> AsyncIterator[dict[str, Any]]:
        yield {"result": {"options": asked.options, "context": size}}


class FakeBuilds:
    """Remembers what it was asked to build, and reads the context."""

    def __init__(self) -> None:
        self.request: BuildRequest | None = None
        self.context = b""

    async def build(self, request: BuildRequest, body: AsyncIterable[bytes]) -> AsyncIterator[dict[str, Any]]:
        self.request = request
        self.context = b"".join([chunk async for chunk in body])
        return self._progress()

    async def _progress(self) -> AsyncIterator[dict[str, Any]]:
        yield {"stream": "Successfully built 0123456789ab\n"}


class FakePrunes(Recorder):
    async def images(self, filters: Filters) -> ImagePrune:
        self.note("images", filters)
        return ImagePrune(images_deleted=[ImageDeleteItem(deleted=IMAGE_ID)], space_reclaimed=5)

    async def build_cache(
        self, filters: Filters, limits: Mapping[str, int], everything: bool
    ) -> BuildCachePrune:
        self.note("build_cache", filters, dict(limits), everything)
        return BuildCachePrune()


async def _progress(text: str) -> AsyncIterator[dict[str, Any]]:
    yield {"status": text}


class FakeRegistries(Recorder):
    async def pull(
        self, image: str, tag: str, platform: str, auth: AuthConfig
    ) -> AsyncIterator[dict[str, Any]]:
        self.note("pull", image, tag, platform, auth)
        return _progress(f"pulled {image}")

    async def push(
        self, name: str, tag: str, auth: AuthConfig, platform: Platform | None
    ) -> AsyncIterator[dict[str, Any]]:
        self.note("push", name, tag, auth, platform)
        return _progress(f"pushed {name}")

    async def fetch(self, url: str) -> AsyncIterator[bytes]:
        self.note("fetch", url)

        async def pieces() -> AsyncIterator[bytes]:
            yield b"from the web"

        return pieces()

    async def login(self, auth: AuthConfig) -> LoginAnswer:
        self.note("login", auth)
        return LoginAnswer(status="Login Succeeded")

    async def distribution(self, name: str, auth: AuthConfig) -> DistributionInspect:
        self.note("distribution", name, auth)
        raise NotFoundError(f"no such manifest: {name}")

    async def search(
        self, term: str, limit: int | None, filters: Filters, auth: AuthConfig
    ) -> list[dict[str, Any]]:
        self.note("search", term, limit, filters, auth)
        return [{"name": term}]


class FakeFiles(Recorder):
    status = PathStat(name="x", size=1, mode=0o644, mtime="2026-01-01T00:00:00Z", link_target="")

    async def stat(self, ref: str, path: str) -> PathStat:
        self.note("stat", ref, path)
        return self.status

    async def archive(self, ref: str, path: str) -> tuple[PathStat, AsyncIterator[bytes]]:
        self.note("archive", ref, path)
        return self.status, self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"a tar"

    async def extract(
        self, ref: str, path: str, chunks: AsyncIterable[bytes], *, keep_kinds: bool, copy_owner: bool
    ) -> None:
        data = b"".join([chunk async for chunk in chunks])
        self.note("extract", ref, path, data, keep_kinds=keep_kinds, copy_owner=copy_owner)

    async def changes(self, ref: str) -> list[FileChange] | None:
        self.note("changes", ref)
        return None

    async def export(self, ref: str) -> AsyncIterator[bytes]:
        self.note("export", ref)
        return self._pieces()


class FakeCommits(Recorder):
    async def commit(self, ref: str, options: CommitOptions) -> CommitResult:
        self.note("commit", ref, options)
        return CommitResult(id=IMAGE_ID)


class FakeUpdates(Recorder):
    async def update(self, ref: str, body: ContainerUpdate) -> ContainerUpdated:
        self.note("update", ref, body)
        return ContainerUpdated()


class FakeContainerPruning(Recorder):
    async def prune(self, filters: Filters) -> ContainersPruned:
        self.note("prune", filters)
        return ContainersPruned(containers_deleted=[ID], space_reclaimed=5)


class FakeStats(Recorder):
    async def once(self, ref: str, *, one_shot: bool) -> ContainerStats:
        self.note("once", ref, one_shot)
        return ContainerStats(id=ID, name="/eager_fake")

    def follow(self, ref: str) -> AsyncIterator[ContainerStats]:
        self.note("follow", ref)
        return self._samples()

    async def _samples(self) -> AsyncIterator[ContainerStats]:
        for number in (1, 2):
            yield ContainerStats(id=ID, name=f"/eager_fake{number}")


class FakeChecks:
    async def check(self, *, repair: bool) -> AsyncIterator[CheckFinding | CheckSummary]:
        return self._walk(repair)

    async def _walk(self, repair: bool) -> AsyncIterator[CheckFinding | CheckSummary]:
        yield CheckFinding(kind="layer", subject="sha256:1", detail="is damaged", repaired=repair)
        yield CheckSummary(images=1, layers=2, size=3, containers=4)


class Fakes:
    """One of each, and the application over them."""

    def __init__(self) -> None:
        self.containers = FakeContainers()
        self.lifecycle = FakeLifecycle()
        self.updates = FakeUpdates()
        self.container_pruning = FakeContainerPruning()
        self.files = FakeFiles()
        self.commits = FakeCommits()
        self.streams = FakeStreams()
        self.stats = FakeStats()
        self.execs = FakeExecs()
        self.images = FakeImages()
        self.registries = FakeRegistries()
        self.volumes = FakeVolumes()
        self.volume_copies = FakeVolumeCopies()
        self.volume_snapshots = FakeSnapshots()
        self.networks = FakeNetworks()
        self.connections = FakeConnections()
        self.system = FakeSystem()
        self.disk_usage = FakeDiskUsages()
        self.checks = FakeChecks()
        self.prunes = FakePrunes()
        self.builds = FakeBuilds()
        self.emulators = FakeEmulators()

    def app(self) -> App:
        return build_app(
            Services(
                containers=self.containers,
                lifecycle=self.lifecycle,
                updates=self.updates,
                container_pruning=self.container_pruning,
                files=self.files,
                commits=self.commits,
                streams=self.streams,
                stats=self.stats,
                execs=self.execs,
                images=self.images,
                registries=self.registries,
                volumes=self.volumes,
                volume_copies=self.volume_copies,
                volume_snapshots=self.volume_snapshots,
                networks=self.networks,
                connections=self.connections,
                system=self.system,
                disk_usage=self.disk_usage,
                checks=self.checks,
                prunes=self.prunes,
                builds=self.builds,
                port_changes=FakePorts(),
                explanations=FakePorts(),
                direct_builds=FakeDirectBuilds(),
                frontend_builds=FakeFrontendBuilds(),
                emulators=self.emulators,
                agent_folder="/nowhere",
                engine_id="engine",
            )
        )

    def serving(self) -> AbstractAsyncContextManager[Harness]:
        return serving(self.app())


def summary() -> ContainerSummary:
    return ContainerSummary(
        id=ID,
        names=["/eager_fake"],
        image="busybox",
        image_id=IMAGE_ID,
        command="sleep 60",
        created=1,
        ports=[],
        labels={},
        state="running",
        status="Up 2 hours",
        host_config=SummaryHostConfig(network_mode="default"),
        network_settings=SummaryNetworkSettings(networks={}),
        mounts=[],
    )


def inspection() -> ContainerInspect:
    endpoint = EndpointSettings(aliases=["web"], dns_names=["web", ID[:12]], ip_address="10.0.0.2")
    return ContainerInspect(
        id=ID,
        created=CREATED,
        path="sleep",
        args=["60"],
        state=ContainerState(
            status="running",
            running=True,
            paused=False,
            restarting=False,
            oom_killed=False,
            dead=False,
            pid=7,
            exit_code=0,
            error="",
            started_at=CREATED,
            finished_at="0001-01-01T00:00:00Z",
        ),
        image=IMAGE_ID,
        resolv_conf_path="",
        hostname_path="",
        hosts_path="",
        log_path="",
        name="/eager_fake",
        restart_count=0,
        driver="overlay2",
        platform="linux",
        mount_label="",
        process_label="",
        app_armor_profile="",
        exec_i_ds=None,
        host_config=HostConfig(),
        graph_driver=GraphDriver(name="overlay2", data={}),
        mounts=[],
        config=ContainerConfig(image="busybox"),
        network_settings=NetworkSettings(
            ip_address="172.17.0.2", networks={"bridge": EndpointSettings(), "front": endpoint}
        ),
    )


def image() -> ImageInspect:
    return ImageInspect(
        id=IMAGE_ID,
        repo_tags=["busybox:latest"],
        repo_digests=[],
        parent="",
        comment="",
        created=CREATED,
        docker_version="",
        author="me",
        config=ContainerConfig(cmd=["sh"], env=None),
        architecture="amd64",
        os="linux",
        size=5,
        graph_driver=GraphDriver(name="overlay2", data={}),
        root_fs=RootFS(type="layers", layers=[IMAGE_ID]),
        metadata=ImageMetadata(last_tag_time=CREATED),
    )


def image_summary() -> ImageSummary:
    return ImageSummary(
        id=IMAGE_ID, parent_id="", repo_tags=[], repo_digests=[], created=1, size=5, labels=None
    )


def volume(name: str) -> Volume:
    return Volume(created_at=CREATED, driver="local", labels=None, mountpoint="/v", name=name, options=None)


def snapshot(volume: str, name: str) -> VolumeSnapshot:
    return VolumeSnapshot(volume=volume, name=name, created_at=CREATED, labels=None)


def network() -> Network:
    return Network(
        name="bridge",
        id=ID,
        created=CREATED,
        scope="local",
        driver="bridge",
        enable_i_pv6=False,
        ipam=IPAM(),
        internal=False,
        attachable=False,
        ingress=False,
        config_from=ConfigReference(),
        config_only=False,
        containers={},
        options={},
        labels={},
    )


def event(action: str) -> Event:
    return Event(
        type="container",
        action=action,
        actor=Actor(id=ID, attributes={"name": "x", "image": "busybox"}),
        time=1,
        time_nano=1_000_000_002,
    )
