"""``top``: the host's ps, with the rows of one container. Parsing is pure."""

import asyncio
from collections.abc import Collection

from scow.errors import InvalidArgumentError, ScowError
from scow.spec.engine_api.container import ContainerTop

DEFAULT_ARGS = "-ef"


async def container_top(pids: Collection[int], ps_args: str) -> ContainerTop:
    """Run ``ps`` with ``ps_args`` and keep the rows of ``pids``.

    Raises InvalidArgumentError for arguments whose output has no PID column, ScowError if ps fails.
    """
    args = (ps_args or DEFAULT_ARGS).split()
    try:
        process = await asyncio.create_subprocess_exec(
            "ps", *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError as exc:
        raise ScowError('error running ps: exec: "ps": executable file not found in $PATH') from exc
    stdout, stderr = await process.communicate()
    if process.returncode:
        said = stderr.decode(errors="replace").splitlines()
        raise ScowError(f"ps: {said[0] if said and said[0] else f'exit status {process.returncode}'}")
    return parse_ps(stdout.decode(errors="replace"), pids)


def parse_ps(text: str, pids: Collection[int]) -> ContainerTop:
    """The table of ps with only ``pids``; the last column keeps its blanks."""
    lines = text.splitlines()
    titles = lines[0].split() if lines else []
    if "PID" not in titles:
        raise InvalidArgumentError("Couldn't find PID field in ps output")
    column = titles.index("PID")
    rows = [line.split(None, len(titles) - 1) for line in lines[1:]]
    kept = [row for row in rows if len(row) > column and row[column].isdigit() and int(row[column]) in pids]
    return ContainerTop(titles=titles, processes=kept)
