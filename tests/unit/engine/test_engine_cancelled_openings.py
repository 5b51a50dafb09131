"""What a thread opens for a caller that is cancelled meanwhile is closed: clients leave at any moment."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from scow.engine.containers import file_systems, files, sandbox
from scow.engine.containers.file_systems import FileSystems
from scow.engine.containers.files import Files
from scow.linux.mount_views import MountView
from scow.spec.engine_api.container import ContainerConfig, HostConfig


def cancelled_in(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, work: Callable[[], Awaitable[object]]
) -> None:
    """Run ``work``, and cancel it when function ``name`` has opened a descriptor and not yet returned."""
    opened, may_return = threading.Event(), threading.Event()
    descriptors: list[int] = []
    really = getattr(module, name)

    def opening(*args: Any) -> Any:
        found = really(*args)
        descriptors.append(found.root if isinstance(found, MountView) else found)
        opened.set()
        may_return.wait(30)
        return found

    monkeypatch.setattr(module, name, opening)

    async def caller() -> None:
        await work()

    async def scenario() -> None:
        task = asyncio.get_running_loop().create_task(caller())
        await asyncio.to_thread(opened.wait, 30)
        task.cancel()
        await asyncio.sleep(0)
        may_return.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])


class OneFolder:
    """The file systems of containers, which all have their files in one folder."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def get(self, ref: str) -> str:
        return ref

    @asynccontextmanager
    async def opened(self, live: object, leave: object) -> AsyncIterator[MountView]:
        view = MountView(os.open(self._place, os.O_PATH | os.O_DIRECTORY))
        try:
            yield view
        finally:
            view.close()


@pytest.mark.parametrize("what", ["stat", "archive"])
def test_a_place_in_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    (tmp_path / "file").touch()
    all_of_it: Any = OneFolder(tmp_path)
    service = Files(all_of_it, all_of_it, all_of_it, all_of_it, all_of_it)
    cancelled_in(monkeypatch, files, "open_in_root", lambda: getattr(service, what)("box", "/file"))


def test_a_network_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a build that is given up."""
    doc: Any = SimpleNamespace(host=HostConfig(network_mode="none"), config=ContainerConfig())
    nobody: Any = None
    sandboxes = sandbox.Sandboxes(nobody, nobody, nobody, ())
    monkeypatch.setattr(sandbox, "create_netns", lambda: os.open("/proc/self/ns/net", os.O_RDONLY))
    cancelled_in(monkeypatch, sandbox, "create_netns", lambda: sandboxes.open(doc))


def test_the_file_system_of_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its mounts would stay in use for ever."""
    ended: list[object] = []

    class Visits:
        async def visit(self, ident: str, leave: object) -> Any:
            return SimpleNamespace(root=tmp_path)

        async def end_visit(self, visit: object) -> None:
            ended.append(visit)

    images: Any = SimpleNamespace(rootfs=Visits())
    containers: Any = {"c"}
    nobody: Any = None
    live: Any = SimpleNamespace(doc=SimpleNamespace(id="c", alive=False, mounts=[]), lock=asyncio.Lock())
    systems = FileSystems(tmp_path, containers, images, nobody)
    monkeypatch.setattr(
        file_systems, "view_of_directory", lambda root, binds: MountView(os.open(root, os.O_PATH))
    )
    cancelled_in(monkeypatch, file_systems, "view_of_directory", lambda: systems._open(live, lambda: None))
    assert len(ended) == 1
