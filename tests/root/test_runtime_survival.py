"""kill -9 of engine, shim and reaper, at rest and at work: what is lost, and what is not."""

import asyncio
import functools
import os
import signal
import socket
from pathlib import Path

import pytest

from scow.logs.spec import LogSpec
from scow.runtime.oci_runtime import Stdio
from tests.support.processes import (
    Engine,
    Rig,
    engine,
    read_all,
    read_at_least,
    read_until,
)
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("runc")]


# ---------------------------------------------------------------------- the shim


def test_a_shim_killed_at_rest_loses_nothing(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            stdio = Stdio(stdin=True, stdin_once=True)
            await one.run("a", "cat", stdio=stdio)
            client.send(b"before\n")
            await read_until(client, b"before\n")
            dead = rig.kill("scow-shim")
            assert rig.process("scow-shim") != dead
            client.send(b"after\n")
            await read_until(client, b"after\n")
            client.shutdown(socket.SHUT_WR)
            assert await read_all(client) == b""
            assert (await one.exited("a")).exit_code == 0

    asyncio.run(scenario())


def test_half_a_line_survives_the_shim(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            spec = Stdio(stdin=True, stdin_once=True, log=logged(rig))
            await one.run("a", "sh", "-c", "printf half; read x; echo ' and half'", stdio=spec)
            await read_until(client, b"half")
            rig.kill("scow-shim")
            client.shutdown(socket.SHUT_WR)
            await read_all(client)
            await one.exited("a")
            assert rig.logged("a") == "half and half\n"

    asyncio.run(scenario())


def test_a_shim_killed_in_a_flood_costs_a_chunk(rig: Rig) -> None:
    count = 400_000

    async def scenario() -> None:
        async with engine(rig) as one:
            await one.run("a", "seq", "1", str(count), logged=True)
            size = 0
            for _ in range(2):
                size = wait_until(
                    functools.partial(grown, rig.log_path("a"), size + 500_000), "the log to grow"
                )
                rig.kill("scow-shim")
            assert (await one.exited("a")).exit_code == 0
            numbers = [int(line) for line in rig.logged("a").splitlines() if line]
            # A chunk of 64 KiB is some 11,000 of these lines; one line may be torn in two by the loss.
            assert count - len(set(numbers)) < 2 * 13_000
            assert numbers[-1] == count

    asyncio.run(scenario())


def test_frames_stay_whole_when_the_shim_is_killed_in_a_flood(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", framed=True)
            await one.run("a", "seq", "1", "400000")
            data = b""
            for _ in range(3):
                # A third of what comes, at most: the rest is still to come when the shim dies.
                data += await read_at_least(client, 300_000)
                rig.kill("scow-shim")
            data += await read_all(client)
            while data:
                assert data[:4] in (b"\1\0\0\0", b"\2\0\0\0"), "a frame begins where the last one has ended"
                data = data[8 + int.from_bytes(data[4:8]) :]
            assert (await one.exited("a")).exit_code == 0

    asyncio.run(scenario())


def test_a_container_that_ends_while_the_shim_is_dead_is_reported(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a")
            pid = await one.run("a", "sh", "-c", "echo said; sleep 1000", logged=True)
            await read_until(client, b"said")
            os.kill(rig.process("scow-shim"), signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)
            assert (await one.exited("a")).exit_code == 137
            assert await read_all(client) == b""
            assert rig.logged("a") == "said\n"

    asyncio.run(scenario())


def test_a_terminal_survives_the_shim(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            await one.run("a", "sh", stdio=Stdio(stdin=True, tty=True), tty=True)
            client.send(b"echo $((1+1))\n")
            await read_until(client, b"2\r\n")
            rig.kill("scow-shim")
            client.send(b"exit 3\n")
            await read_all(client)
            assert (await one.exited("a")).exit_code == 3

    asyncio.run(scenario())


def test_what_a_client_has_seen_is_logged_although_the_shim_is_killed(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a")
            await one.run("a", "seq", "1", "200000", logged=True)
            seen = b""
            for _ in range(4):
                seen += await read_until(client, b"\n")
                os.kill(rig.process("scow-shim"), signal.SIGKILL)
            seen += await read_all(client)
            await one.exited("a")
            logged = set(rig.logged("a").splitlines())
            # A chunk that went down with its shim leaves the end of one line before the rest of another.
            missing = set(seen.decode().splitlines()) - logged
            assert len(missing) <= 4, missing

    asyncio.run(scenario())


def test_clients_come_and_go_while_shims_are_killed(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            await one.run("a", "cat", stdio=Stdio(stdin=True))
            clients = []
            for number in range(20):
                if number % 2:
                    os.kill(rig.process("scow-shim"), signal.SIGKILL)
                client = await one.attach("a", stdin=True)
                clients.append(client)
                if not number % 2:
                    os.kill(rig.process("scow-shim"), signal.SIGKILL)
                await until_heard(client, b"%d\n" % number)
                if number % 3 == 0:
                    clients.pop(0).close()
            before = len(clients)
            assert before > 5
            clients[-1].send(b"to all\n")
            for client in clients:
                await read_until(client, b"to all\n")
                client.close()

    asyncio.run(scenario())


async def until_heard(client: socket.socket, line: bytes) -> None:
    """Say ``line`` until it comes back: input that a shim had in hand when it was killed is lost."""
    for _ in range(10):
        client.send(line)
        try:
            async with asyncio.timeout(10):
                await read_until(client, line)
                return
        except TimeoutError:
            continue
    raise AssertionError(f"nobody repeats {line!r}")


# ---------------------------------------------------------------------- the engine


def test_the_next_engine_sees_what_runs_and_what_has_ended(rig: Rig) -> None:
    async def scenario() -> None:
        first = Engine(rig)
        await first.connect()
        pid = await first.run("long", "sleep", "1000")
        await first.run("short", "sh", "-c", "sleep 0.1; echo late words; exit 42", logged=True)
        first.drop()
        wait_until(lambda: "late" in rig.logged("short"), "the log goes on without an engine")
        second = Engine(rig)
        await second.connect()
        assert second.listed["long"].pid == pid
        assert second.listed["long"].exited is None
        assert (await second.exited("short")).exit_code == 42
        client = await second.attach("long")
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGKILL)
        assert await read_all(client) == b""
        assert (await second.exited("long")).exit_code == 137
        await second.supervisor.aclose(stop_reaper_if_idle=False)
        async with engine(rig) as third:
            assert set(third.listed) == {"long", "short"}, "until somebody forgets them"

    asyncio.run(scenario())


def test_an_engine_killed_during_a_start_leaves_a_container_that_the_next_one_knows(rig: Rig) -> None:
    async def scenario() -> None:
        first = Engine(rig)
        await first.connect()
        start = asyncio.gather(first.run("a", "sleep", "1000"), return_exceptions=True)
        await asyncio.sleep(0)  # the request is on its way to the reaper
        assert first.supervisor._link.is_waiting
        first.drop()
        start.cancel()
        async with engine(rig) as second:
            assert second.listed["a"].pid > 0
            os.kill(second.listed["a"].pid, signal.SIGKILL)
            assert (await second.exited("a")).exit_code == 137

    asyncio.run(scenario())


def test_an_engine_killed_with_a_client_does_not_end_the_input(rig: Rig) -> None:
    async def scenario() -> None:
        first = Engine(rig)
        await first.connect()
        client = await first.attach("a", stdin=True)
        await first.run("a", "cat", stdio=Stdio(stdin=True, stdin_once=True))
        client.send(b"x\n")
        await read_until(client, b"x\n")
        first.drop()
        client.close()
        async with engine(rig) as second:
            again = await second.attach("a", stdin=True)
            again.send(b"still there\n")
            await read_until(again, b"still there\n")
            again.shutdown(socket.SHUT_WR)
            assert (await second.exited("a")).exit_code == 0
            again.close()

    asyncio.run(scenario())


def test_a_newer_engine_replaces_the_older(rig: Rig) -> None:
    async def scenario() -> None:
        first = Engine(rig)
        await first.connect()
        first.supervisor._is_ready = False  # it would come back, as an engine does whose reaper has died
        async with engine(rig) as second:
            await second.run("a", "true")
            assert (await second.exited("a")).exit_code == 0
            assert not first.supervisor._link.is_connected
        await first.supervisor.aclose(stop_reaper_if_idle=False)

    asyncio.run(scenario())


def test_engine_and_shim_killed_together(rig: Rig) -> None:
    async def scenario() -> None:
        first = Engine(rig)
        await first.connect()
        stdio = Stdio(stdin=True, stdin_once=True, log=LogSpec(str(rig.log_path("a"))))
        await first.run("a", "sh", "-c", "read line; echo afterwards; exit 7", stdio=stdio)
        first.drop()
        rig.kill("scow-shim")
        async with engine(rig) as second:
            with await second.attach("a", stdin=True) as client:
                client.send(b"go on\n")
                assert b"afterwards" in await read_until(client, b"afterwards\n")
            assert (await second.exited("a")).exit_code == 7
            assert rig.logged("a") == "afterwards\n"

    asyncio.run(scenario())


# ---------------------------------------------------------------------- the reaper


def test_a_dead_reaper_is_replaced_and_its_containers_reported_as_lost(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            await one.run("a", "sh", "-c", "sleep 0.5; echo unharmed; sleep 1000", logged=True)
            shim = rig.process("scow-shim")
            rig.kill("scow-reaper")
            await one.until_lost()
            assert one.lost == ["a"]
            wait_until(lambda: rig.logged("a") == "unharmed\n", "its old shim goes on logging")
            await one.run("b", "true")
            assert (await one.exited("b")).exit_code == 0
            await one.remove("a")
            wait_until(
                lambda: not Path(f"/proc/{shim}").exists(), "the old shim leaves with its last container"
            )

    asyncio.run(scenario())


def test_a_reaper_with_something_to_tell_does_not_quit(rig: Rig) -> None:
    async def scenario() -> None:
        first = Engine(rig)
        await first.connect()
        await first.run("a", "true")
        await first.exited("a")
        reaper = rig.process("scow-reaper")
        await first.supervisor.aclose(stop_reaper_if_idle=True)
        async with engine(rig) as second:
            assert rig.process("scow-reaper") == reaper
            assert (await second.exited("a")).exit_code == 0
        assert not Path(f"/proc/{reaper}/exe").exists()

    asyncio.run(scenario())


def test_strangers_get_no_connection(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig):
            assert (rig.exec_root / "reaper.sock").stat().st_mode & 0o777 == 0o600

    asyncio.run(scenario())


def grown(path: Path, least: int) -> int:
    """The size of a file once it has ``least`` bytes."""
    size = path.stat().st_size if path.exists() else 0
    return size if size >= least else 0


def logged(rig: Rig) -> LogSpec:
    return LogSpec(str(rig.log_path("a")))
