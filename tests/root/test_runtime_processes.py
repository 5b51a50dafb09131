"""Reaper, shim and supervisor with real containers: streams, exit codes, terminals, clients."""

import asyncio
import os
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from scow.logs.spec import LogSpec
from scow.runtime.oci_runtime import OciRuntime, Stdio
from scow.runtime.start_failure import RuntimeFailedError, explain_start_failure
from tests.support.processes import (
    Rig,
    engine,
    open_files,
    read_all,
    read_until,
)
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("runc")]


def frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        stream, length = struct.unpack_from(">BxxxL", data)
        found.append((stream, data[8 : 8 + length]))
        data = data[8 + length :]
    return found


# ---------------------------------------------------------------------- output and exit codes


def test_a_client_that_came_first_sees_everything_in_frames(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True, framed=True)
            script = "echo out; read line; echo err >&2; read line; echo done"
            await one.run("a", "sh", "-c", script, stdio=Stdio(stdin=True))
            first = await read_until(client, b"out\n")
            client.send(b"go on\n")
            second = await read_until(client, b"err\n")
            client.send(b"go on\n")
            told = first + second + await read_all(client)
            assert frames(told) == [(1, b"out\n"), (2, b"err\n"), (1, b"done\n")]
            assert (await one.exited("a")).exit_code == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$; sleep 9", 143)],
)
def test_exit_codes(rig: Rig, script: str, code: int) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            # Below sh as pid 1: the kernel spares an init process most signals that come from inside.
            await one.run("a", "sh", "-c", f"sh -c '{script}'; code=$?; exit $code")
            assert (await one.exited("a")).exit_code == code

    asyncio.run(scenario())


def test_a_signal_from_outside_is_128_and_its_number(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            pid = await one.run("a", "sleep", "100")
            os.kill(pid, signal.SIGKILL)
            assert (await one.exited("a")).exit_code == 137

    asyncio.run(scenario())


def test_the_log_is_complete_when_the_end_is_reported(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            await one.run("a", "sh", "-c", "seq 1 50000; printf end", logged=True)
            await one.exited("a")
            assert rig.logged("a") == "".join(f"{number}\n" for number in range(1, 50001)) + "end"

    asyncio.run(scenario())


def test_a_million_lines_reach_client_and_log(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a")
            await one.run("a", "seq", "1", "1000000", logged=True)
            assert (await read_all(client)).count(b"\n") == 1_000_000
            await one.exited("a")
            assert rig.log_path("a").read_bytes().count(b"\n") == 1_000_000

    asyncio.run(scenario())


def test_both_of_two_clients_get_everything(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            clients = [await one.attach("a", framed=framed) for framed in (True, False)]
            await one.run("a", "seq", "1", "20000")
            framed, plain = await asyncio.gather(*map(read_all, clients))
            assert b"".join(data for _stream, data in frames(framed)) == plain
            assert plain.count(b"\n") == 20000

    asyncio.run(scenario())


def test_a_client_that_does_not_read_stops_the_container_until_it_leaves(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            stalled, reading = await one.attach("a"), await one.attach("a")
            await one.run("a", "sh", "-c", "seq 1 2000000; echo finished", logged=True)
            first = await read_until(reading, b"10000\n")
            assert b"finished" not in first
            stalled.close()
            rest = await read_all(reading)
            assert b"\n2000000\n" in rest
            assert b"finished\n" in rest
            assert (await one.exited("a")).exit_code == 0

    asyncio.run(scenario())


def test_the_end_is_reported_although_a_client_does_not_read(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a")
            await one.run("a", "seq", "1", "200000")
            await one.exited("a")
            await one.supervisor.forget("a")
            assert (await read_all(client)).endswith(b"\n200000\n"), "and what it has not read is kept for it"

    asyncio.run(scenario())


def test_output_held_open_by_somebody_else_does_not_hold_up_the_end(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            await one.run("a", "sleep", "1000")
            process: dict[str, Any] = {
                "args": ["sh", "-c", "sleep 1000 & echo started"],
                "cwd": "/",
                "env": ["PATH=/bin"],
            }
            process |= {"user": {"uid": 0, "gid": 0}}
            bundle = rig.exec_root / "bundles" / "a"
            client = await one.attach("exec1")
            request = rig.runtime.exec_request("a", bundle, "exec1", process, Stdio())
            await one.supervisor.spawn("exec1", request)
            assert await read_all(client) == b"started\n"
            assert (await one.exited("exec1")).exit_code == 0
            await one.supervisor.forget("exec1")

    asyncio.run(scenario())


def test_exec_has_its_own_streams_and_code(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            await one.run("a", "sleep", "1000", logged=True)
            process: dict[str, Any] = {"args": ["sh", "-c", "cat; exit 9"], "cwd": "/", "env": ["PATH=/bin"]}
            process |= {"user": {"uid": 0, "gid": 0}}
            bundle = rig.exec_root / "bundles" / "a"
            client = await one.attach("exec1", stdin=True)
            stdio = Stdio(stdin=True, stdin_once=True)
            request = rig.runtime.exec_request("a", bundle, "exec1", process, stdio)
            await one.supervisor.spawn("exec1", request)
            client.send(b"through\n")
            client.shutdown(socket.SHUT_WR)
            assert await read_all(client) == b"through\n"
            assert (await one.exited("exec1")).exit_code == 9
            assert rig.logged("a") == ""
            await one.supervisor.forget("exec1")
            rig.runtime.remove_exec_files(bundle, "exec1")
            assert not list(bundle.glob("exec-*"))

    asyncio.run(scenario())


# ---------------------------------------------------------------------- input


def test_half_close_is_end_of_file_for_the_process(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            client.send(b"early\n")
            client.shutdown(socket.SHUT_WR)
            await one.run("a", "cat", stdio=Stdio(stdin=True, stdin_once=True))
            assert await read_all(client) == b"early\n"
            assert (await one.exited("a")).exit_code == 0

    asyncio.run(scenario())


def test_megabytes_go_in_and_out_again(rig: Rig) -> None:
    data = os.urandom(8 << 20)

    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            await one.run("a", "cat", stdio=Stdio(stdin=True, stdin_once=True))
            sender = socket.socket(fileno=os.dup(client.fileno()))
            sender.setblocking(False)
            reading = asyncio.gather(read_all(client))
            with sender:
                await asyncio.get_running_loop().sock_sendall(sender, data)
                sender.shutdown(socket.SHUT_WR)
                (read,) = await reading
                assert read == data

    asyncio.run(scenario())


def test_without_stdin_once_the_next_client_goes_on(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            await one.run("a", "cat", stdio=Stdio(stdin=True))
            for text in (b"first\n", b"second\n"):
                client = await one.attach("a", stdin=True)
                client.send(text)
                await read_until(client, text)
                client.shutdown(socket.SHUT_WR)
                client.close()
            await one.supervisor.close_stdin("a")
            assert (await one.exited("a")).exit_code == 0

    asyncio.run(scenario())


def test_a_client_that_vanishes_does_not_end_the_input(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            await one.run("a", "cat", stdio=Stdio(stdin=True, stdin_once=True))
            client.send(b"x\n")
            await read_until(client, b"x\n")
            client.close()
            other = await one.attach("a", stdin=True)
            other.send(b"y\n")
            await read_until(other, b"y\n")
            other.shutdown(socket.SHUT_WR)
            assert await read_all(other) == b""
            assert (await one.exited("a")).exit_code == 0

    asyncio.run(scenario())


def test_a_process_that_closes_its_input_goes_on(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            script = "read line; exec <&-; echo got $line; sleep 1; echo bye"
            await one.run("a", "sh", "-c", script, stdio=Stdio(stdin=True, stdin_once=True))
            client.send(b"one\n")
            await read_until(client, b"got one\n")
            with suppress(BrokenPipeError):  # where a second was not enough to come here
                client.send(b"nobody reads this\n")
            assert (await read_all(client)).endswith(b"bye\n")

    asyncio.run(scenario())


# ---------------------------------------------------------------------- terminals


def test_a_terminal_has_its_size_from_the_start(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a")
            stdio = Stdio(tty=True, size=(33, 99), log=LogSpec(str(rig.log_path("a"))))
            await one.run("a", "sh", "-c", "sleep 0.2; stty size; exit 4", stdio=stdio, tty=True)
            assert await read_all(client) == b"33 99\r\n"
            assert (await one.exited("a")).exit_code == 4
            assert rig.logged("a") == "33 99\r\n"

    asyncio.run(scenario())


def test_a_terminal_is_resized_and_the_process_told(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done"
            await one.run("a", "sh", "-c", script, stdio=Stdio(stdin=True, tty=True), tty=True)
            await read_until(client, b"ready\r\n")
            await one.supervisor.resize("a", 41, 123)
            assert await read_all(client) == b"41 123\r\n"

    asyncio.run(scenario())


def test_typing_into_a_terminal(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            await one.run("a", "sh", stdio=Stdio(stdin=True, stdin_once=True, tty=True), tty=True)
            client.send(b"echo $((6*7)); exit 5\n")
            assert b"42\r\n" in await read_all(client)
            assert (await one.exited("a")).exit_code == 5

    asyncio.run(scenario())


def test_a_terminal_outlives_its_clients(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", stdin=True)
            await one.run("a", "sh", stdio=Stdio(stdin=True, stdin_once=True, tty=True), tty=True)
            client.shutdown(socket.SHUT_WR)
            client.close()
            other = await one.attach("a", stdin=True)
            other.send(b"exit 6\n")
            await read_all(other)
            assert (await one.exited("a")).exit_code == 6

    asyncio.run(scenario())


# ---------------------------------------------------------------------- failures


def test_a_missing_program_is_explained(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            client = await one.attach("a", framed=True)
            with pytest.raises(RuntimeFailedError) as failure:
                await one.run("a", "nope")
            text, code = explain_start_failure(failure.value.message, "nope")
            assert text == (
                "failed to create task for container: failed to create shim task: OCI runtime create failed: "
                'runc create failed: unable to start container process: exec: "nope": '
                "executable file not found in $PATH: unknown"
            )
            assert code == 127
            assert await read_all(client) == b"", "the runtime's words are not the container's"

    asyncio.run(scenario())


def test_a_program_that_cannot_be_executed_is_explained(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            with pytest.raises(RuntimeFailedError) as failure:
                await one.run("a", "/etc")
            assert explain_start_failure(failure.value.message, "/etc")[1] == 126

    asyncio.run(scenario())


def test_a_missing_runtime_is_an_error_with_its_number(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            runtime = OciRuntime("/nowhere/runc", rig.exec_root / "runc")
            request = runtime.run_request("a", rig.bundle("a", ["true"]), Stdio())
            with pytest.raises(RuntimeFailedError) as failure:
                await one.supervisor.spawn("a", request)
            assert failure.value.errno == 2
            assert failure.value.message == "/nowhere/runc: No such file or directory"

    asyncio.run(scenario())


def test_a_failed_start_can_be_tried_again(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            with pytest.raises(RuntimeFailedError):
                await one.run("a", "nope")
            request = rig.runtime.run_request("a", rig.exec_root / "bundles" / "a", Stdio())
            with pytest.raises(RuntimeFailedError, match="executable file not found"):
                await one.supervisor.spawn("a", request)

    asyncio.run(scenario())


def test_a_client_that_gives_up_before_the_start_leaves_nothing(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:
            before = open_files(rig.process("scow-reaper"))
            client = await one.attach("a")
            await one.supervisor.resize("a", 1, 1)  # its answer comes after the attach was seen
            assert open_files(rig.process("scow-reaper")) == before + 1
            client.close()
            wait_until(lambda: open_files(rig.process("scow-reaper")) == before, "the socket's end")

    asyncio.run(scenario())


# ---------------------------------------------------------------------- many


def test_many_short_containers_leave_no_descriptor_and_no_zombie(rig: Rig) -> None:
    async def scenario() -> None:
        async with engine(rig) as one:

            async def cycle(number: int) -> None:
                key, tty = f"c{number}", number % 3 == 0
                client = await one.attach(key, stdin=True)
                stdio = Stdio(stdin=True, stdin_once=True, tty=tty, log=LogSpec(str(rig.log_path(key))))
                await one.run(key, "sh", "-c", f"echo {number}; exit {number}", stdio=stdio, tty=tty)
                assert (await read_all(client)).strip() == b"%d" % number
                assert (await one.exited(key)).exit_code == number
                await one.remove(key)

            await cycle(100)
            reaper, shim = rig.process("scow-reaper"), rig.process("scow-shim")
            before = open_files(reaper), open_files(shim)
            for first in range(0, 40, 4):
                await asyncio.gather(*(cycle(number) for number in range(first, first + 4)))
            wait_until(lambda: open_files(reaper) <= before[0], "the reaper has closed what it opened")
            wait_until(lambda: open_files(shim) <= before[1], "and the shim")
            children = Path(f"/proc/{reaper}/task/{reaper}/children")
            wait_until(lambda: children.read_text().split() == [str(shim)], "only the shim is its child")
            wait_until(lambda: not os.listdir(rig.exec_root / "console"), "no console is left")

    asyncio.run(scenario())
