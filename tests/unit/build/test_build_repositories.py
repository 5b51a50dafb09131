"""Repositories by git(1), which is not left behind."""

import asyncio
import shutil
from pathlib import Path

import pytest

from scow.build.execute.repositories import check_out
from scow.build.graph.job import NoSecrets
from scow.build.graph.ops import GitSource
from scow.distribution.proxies import Proxies
from scow.errors import InvalidArgumentError
from scow.tasks import TaskOwner
from tests.support.waiting import wait_until

_PATIENCE_S = 120.0

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def programs_that_name(text: str) -> list[str]:
    """Command lines of running programs with ``text`` in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if text.encode() in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("ref", ["-x", "--upload-pack=touch"])
def test_a_ref_is_no_option(ref: str, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    with pytest.raises(InvalidArgumentError, match="invalid git ref"):
        asyncio.run(check_out(GitSource("https://127.0.0.1:1/a.git", ref), folder, NoSecrets(), Proxies()))


def test_who_gives_up_leaves_no_program_that_waits_for_a_server(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()

    async def give_up() -> None:
        asked = asyncio.Event()

        async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await reader.read()
            writer.close()

        async with (
            asyncio.timeout(_PATIENCE_S),
            await asyncio.start_server(never_answer, "127.0.0.1", 0) as server,
            TaskOwner("test") as tasks,
        ):
            host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            source = GitSource(f"http://{host}/a.git")
            work = tasks.start(check_out(source, folder, NoSecrets(), Proxies()), name="check out")
            await asked.wait()
            assert programs_that_name(host)
            work.cancel()
            await asyncio.wait({work})
            await asyncio.to_thread(wait_until, lambda: not programs_that_name(host), "git has ended")

    asyncio.run(give_up())
