"""The real docker command line against the application with fakes behind it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from scow.api.http.duplex import Duplex
from scow.api.http.listeners import open_listeners
from scow.api.http.websocket import WebSocket
from scow.errors import ConflictError
from scow.spec.engine_api.container_views import WaitResult
from scow.spec.stdcopy import STDOUT, frame
from tests.support.docker_cli import docker_cli_lacks
from tests.unit.api.api_fakes import Fakes, event
from tests.unit.api.api_wire import Harness, runs, until

pytestmark = pytest.mark.skipif(docker_cli_lacks() != "", reason=docker_cli_lacks())


class Cli:
    """Runs docker against a harness."""

    def __init__(self, harness: Harness, directory: Path, *, unix: bool = True) -> None:
        self._harness = harness
        self._directory = directory
        self._unix = unix
        self._host = ""

    async def start(self, *args: str) -> asyncio.subprocess.Process:
        if not self._host:
            sockets = open_listeners(
                f"unix://{self._directory}/api.sock" if self._unix else "tcp://127.0.0.1:0"
            )
            name = sockets[0].getsockname()
            self._host = f"unix://{name}" if self._unix else "tcp://{}:{}".format(*name)
            await self._harness.server.listen(sockets)
        pipe = asyncio.subprocess.PIPE
        env = {"HOME": str(self._directory), "DOCKER_HOST": self._host}
        return await asyncio.create_subprocess_exec(
            shutil.which("docker") or "", *args, stdin=pipe, stdout=pipe, stderr=pipe, env=env
        )

    async def __call__(self, *args: str, stdin: bytes = b"") -> tuple[int, str, str]:
        process = await self.start(*args)
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@runs
async def test_version_negotiates_and_prints_the_server(tmp_path: Path) -> None:
    async with Fakes().serving() as harness:
        code, out, err = await Cli(harness, tmp_path)(
            "version", "--format", "{{.Server.Version}} {{.Server.MinAPIVersion}}"
        )
        assert (code, out, err) == (0, "0.1.0 1.24\n", "")


@runs
async def test_info_prints_what_the_engine_says(tmp_path: Path) -> None:
    async with Fakes().serving() as harness:
        code, out, _ = await Cli(harness, tmp_path)("info", "--format", "{{.ID}} {{.Containers}}")
        assert (code, out) == (0, "engine-id 3\n")


@runs
async def test_ps_lists(tmp_path: Path) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        code, out, _ = await Cli(harness, tmp_path)(
            "ps", "-a", "--filter", "label=a=b", "--format", "{{.Names}}"
        )
        assert (code, out) == (0, "eager_fake\n")
        assert fakes.containers.last[-1].get("label") == ["a=b"]


@runs
async def test_logs_are_sorted_into_both_streams(tmp_path: Path) -> None:
    async with Fakes().serving() as harness:
        assert await Cli(harness, tmp_path)("logs", "x") == (0, "hi\n", "oh\n")


class FramedEcho:
    """Tells back what it heard when its input has ended, as one frame; then the container ends with 3."""

    multiplexed = True

    def __init__(self, fakes: Fakes) -> None:
        self._fakes = fakes

    async def run(self, conn: Duplex | WebSocket) -> None:
        heard = b""
        while data := await conn.read():
            heard += data
        await conn.write(frame(STDOUT, heard))
        assert self._fakes.lifecycle.ended is not None
        self._fakes.lifecycle.ended.set_result(WaitResult(status_code=3))


@pytest.mark.parametrize("unix", [True, False], ids=["unix", "tcp"])
@runs
async def test_attach_carries_both_ways_and_ends_with_the_output(tmp_path: Path, unix: bool) -> None:
    fakes = Fakes()
    fakes.containers.inspection.config.open_stdin = True
    fakes.streams.attachment = FramedEcho(fakes)
    async with fakes.serving() as harness:
        code, out, err = await Cli(harness, tmp_path, unix=unix)("attach", "x", stdin=b"typed text\n")
        assert (code, out, err) == (3, "typed text\n", "")


@runs
async def test_events_follow_until_the_client_is_killed(tmp_path: Path) -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        process = await Cli(harness, tmp_path).start("events", "--format", "{{.Action}}")
        await until(lambda: fakes.system.followers)
        fakes.system.queue.put_nowait(event("start"))
        assert process.stdout is not None
        assert await process.stdout.readline() == b"start\n"
        process.kill()
        await until(lambda: not fakes.system.followers)
        await process.communicate()


@runs
async def test_errors_are_shown_by_their_message(tmp_path: Path) -> None:
    fakes = Fakes()
    fakes.lifecycle.fail("pause", ConflictError("Container x is not running"))
    async with fakes.serving() as harness:
        code, _, err = await Cli(harness, tmp_path)("pause", "x")
        assert (code, err) == (1, "Error response from daemon: Container x is not running\n")


@runs
async def test_load_sends_an_archive_and_prints_progress(tmp_path: Path) -> None:
    fakes = Fakes()
    fakes.images.progress = [{"stream": "Loaded image: x:latest\n"}]
    async with fakes.serving() as harness:
        data = bytes(3_000_000)
        code, out, _ = await Cli(harness, tmp_path)("load", stdin=data)
        assert (code, out) == (0, "Loaded image: x:latest\n")
        assert fakes.images.received == data
