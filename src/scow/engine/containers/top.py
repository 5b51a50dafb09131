"""``top``: the host's ps, with the rows of one container. Parsing is pure."""

import asyncio
import re
from collections.abc import Collection

from scow.errors import InvalidArgumentError, ScowError
from scow.spec.engine_api.container_views import ContainerTop

DEFAULT_ARGS = "-ef"
# ps would print something else under the title by which we find the processes.
_OTHER_PID_TITLE = re.compile(r"\s+(\S*)=\s*(PID\S*)")
_THREAD = "-"


async def container_top(pids: Collection[int], ps_args: str) -> ContainerTop:
    """Run ``ps`` with ``ps_args`` and keep the rows of ``pids``.

    Raises InvalidArgumentError for arguments whose output has no PID column, or another one by that name;
    ScowError if ps fails.
    """
    args = ps_args or DEFAULT_ARGS
    for field, title in _OTHER_PID_TITLE.findall(args):
        if field != "pid":
            raise ScowError(f'specifying "{field}={title}" is not allowed')
    # By number: without, ps means the processes of its own terminal. Some options do not go with numbers.
    selected = "-q" + ",".join(map(str, pids))
    code, output, _ = await _run_ps(*args.split(), selected)
    if code:
        code, output, errors = await _run_ps(*args.split())
        if code:
            raise ScowError(f"ps: {errors.partition(chr(10))[0] or f'exit status {code}'}")
    return parse_ps(output, pids)


async def _run_ps(*args: str) -> tuple[int, str, str]:
    """Its exit code and what it said on both streams."""
    try:
        process = await asyncio.create_subprocess_exec(
            "ps", *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError as exc:
        raise ScowError('error running ps: exec: "ps": executable file not found in $PATH') from exc
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace")


def parse_ps(text: str, pids: Collection[int]) -> ContainerTop:
    """The table of ps with only ``pids`` and their threads; the last column keeps its blanks."""
    lines = text.splitlines()
    titles = lines[0].split() if lines else []
    if "PID" not in titles:
        raise InvalidArgumentError("Couldn't find PID field in ps output")
    column = titles.index("PID")
    kept: list[list[str]] = []
    is_ours = False
    for line in lines[1:]:
        row = line.split(None, len(titles) - 1)
        if len(row) <= column:
            continue
        if row[column] != _THREAD:
            is_ours = row[column].isdigit() and int(row[column]) in pids
        if is_ours:
            kept.append(row)
    return ContainerTop(titles=titles, processes=kept)
