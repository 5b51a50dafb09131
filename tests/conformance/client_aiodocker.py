"""aiodocker: everything at once, on one event loop."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiodocker import Docker
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerContainerError, DockerError

QUIET = {"NetworkMode": "none"}


@pytest_asyncio.fixture
async def docker() -> AsyncIterator[Docker]:
    async with Docker() as client:
        yield client


@pytest_asyncio.fixture
async def box(docker: Docker) -> AsyncIterator[DockerContainer]:
    """A container that runs until it is removed."""
    config = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": QUIET, "StopSignal": "KILL"}
    container = await docker.containers.run(config)
    yield container
    await container.delete(force=True, v=True)


async def test_lives_side_by_side(docker: Docker) -> None:
    async def live(number: int) -> int:
        config = {"Image": "busybox", "Cmd": ["sh", "-c", f"exit {number}"], "HostConfig": QUIET}
        container = await docker.containers.create(config, name=f"aio-{number}")
        await container.start()
        code = (await container.wait(timeout=120))["StatusCode"]
        await container.delete()
        return int(code)

    assert await asyncio.gather(*map(live, range(8))) == list(range(8))
    assert await docker.containers.list(all=True) == []


async def test_errors_have_the_status_and_the_message(docker: Docker, box: DockerContainer) -> None:
    cases = [
        (docker.containers.get("nobody"), 404, "No such container: nobody"),
        (docker.images.inspect("nothing"), 404, "nothing"),
        (docker.volumes.get("nowhere"), 404, "no such volume"),
        (docker.containers.create({"Image": "nothing"}), 404, "No such image: nothing:latest"),
        (docker.containers.create({"Image": "busybox"}, name="?"), 400, "Invalid container name"),
        (docker.volumes.create({"Name": "a/b"}), 400, "invalid characters for a local volume name"),
    ]
    for attempt, status, text in cases:
        with pytest.raises(DockerError) as caught:
            await attempt
        assert caught.value.status == status
        assert text in caught.value.message
    config = {"Image": "busybox", "Cmd": ["no-such-program"]}
    with pytest.raises(DockerContainerError, match="executable file not found") as caught:
        await docker.containers.run(config, name="aio-broken")
    await docker.containers.container(caught.value.container_id).delete()


async def test_logs_at_once_and_as_they_come(docker: Docker) -> None:
    script = "for i in 1 2 3; do echo $i; done; sleep 0.3; echo 4"
    container = await docker.containers.run({"Image": "busybox", "Cmd": ["sh", "-c", script]})
    assert [line async for line in container.log(stdout=True, follow=True)] == ["1\n", "2\n", "3\n", "4\n"]
    assert await container.log(stdout=True) == ["1\n", "2\n", "3\n", "4\n"]
    assert await container.log(stdout=True, tail=1) == ["4\n"]
    await container.delete()


async def test_an_exec_is_talked_to(box: DockerContainer) -> None:
    made = await box.exec("sh -c 'read line; echo got $line; echo done >&2; exit 3'", stdin=True)
    async with made.start() as stream:
        await stream.write_in(b"this\n")
        first, second = await stream.read_out(), await stream.read_out()
        assert await stream.read_out() is None
    assert {(first.stream, first.data), (second.stream, second.data)} == {(1, b"got this\n"), (2, b"done\n")}
    assert (await made.inspect())["ExitCode"] == 3
    terminal = await box.exec("cat", stdin=True, tty=True)
    async with terminal.start() as stream:
        await terminal.resize(h=20, w=50)
        await stream.write_in(b"typed\n\x04")
        seen = b""
        while (message := await stream.read_out()) is not None:
            seen += message.data
    assert seen == b"typed\r\ntyped\r\n"


async def test_attach_by_connection_and_by_websocket(docker: Docker) -> None:
    config = {"Image": "busybox", "Cmd": ["cat"], "OpenStdin": True, "AttachStdin": True, "HostConfig": QUIET}
    container = await docker.containers.create(config)
    async with container.attach(stdin=True, stdout=True) as stream:
        await container.start()
        await stream.write_in(b"by connection\n")
        assert (await stream.read_out()).data == b"by connection\n"
    socket = await container.websocket(stdin=True, stdout=True, stream=True)
    await socket.send_str("by websocket\n")
    assert (await socket.receive(timeout=60)).data in (b"by websocket\n", "by websocket\n")
    await socket.close()
    await container.delete(force=True)


async def test_events_arrive_at_once(docker: Docker) -> None:
    subscriber = docker.events.subscribe()
    config = {"Image": "busybox", "Cmd": ["true"], "HostConfig": QUIET}
    container = await docker.containers.create_or_replace("aio-events", config)
    await container.start()
    await container.wait()
    await container.delete()
    seen = []
    while "destroy" not in seen:
        event = await asyncio.wait_for(subscriber.get(), 60)
        if event["Actor"]["ID"] == container.id:
            seen.append(event["Action"])
    assert seen == ["create", "start", "die", "destroy"]


async def test_files_in_and_out(box: DockerContainer) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("new")
        entry.size = 7
        archive.addfile(entry, io.BytesIO(b"content"))
    await box.put_archive("/tmp", buffer.getvalue())
    back = await box.get_archive("/tmp/new")
    assert back.extractfile("new").read() == b"content"


async def test_an_image_and_its_names(docker: Docker, box: DockerContainer) -> None:
    made = await box.commit(repository="aio-commit", tag="1", changes=["USER 7"])
    assert (await docker.images.inspect("aio-commit:1"))["Config"]["User"] == "7"
    assert await docker.images.tag("aio-commit:1", repo="aio-other", tag="2")
    assert (await docker.images.history("aio-other:2"))[0]["Id"] == made["Id"]
    async with docker.images.export_image("aio-other:2") as exported:
        data = b"".join([chunk async for chunk in exported.iter_chunked(1 << 16)])
    await docker.images.delete("aio-other:2")
    loaded = [item async for item in docker.images.import_image(data, stream=True)]
    assert loaded[-1]["stream"] == "Loaded image: aio-other:2\n"
    await docker.images.delete(made["Id"], force=True)


async def test_statistics_and_states(box: DockerContainer) -> None:
    assert (await box.stats(stream=False))[0]["pids_stats"]["current"] == 1
    async for sample in box.stats():
        assert sample["memory_stats"]["usage"] > 0
        break
    await box.pause()
    assert (await box.show())["State"]["Paused"]
    await box.unpause()
    await box.rename("aio-renamed")
    await box.restart(timeout=0)
    await box.kill(signal="KILL")
    assert (await box.show())["State"]["ExitCode"] == 137


async def test_volumes(docker: Docker) -> None:
    volume = await docker.volumes.create({"Name": "aio-volume", "Labels": {"a": "b"}})
    assert (await volume.show())["Labels"] == {"a": "b"}
    listed = await docker.volumes.list(filters={"label": "a=b"})
    assert [found["Name"] for found in listed["Volumes"]] == ["aio-volume"]
    await volume.delete()


async def test_the_engine_describes_itself(docker: Docker) -> None:
    assert (await docker.version())["ApiVersion"]
    assert (await docker.system.info())["OSType"] == "linux"
