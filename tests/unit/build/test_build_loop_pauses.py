"""Dockerfiles of any size: others on the event loop have their turn, and twice the lines take twice the time.

Measured is processor time of the loop's thread, which does not depend on what else the machine does.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator

import pytest

from scow.build.checks.rules import LintWarning
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import Options
from scow.build.evaluate.stage_state import StageState
from scow.build.evaluate.variables import Scope
from scow.build.frontend.checking import check_text, parsed, read_checked
from scow.errors import InvalidArgumentError, NotFoundError
from scow.spec.platform import Platform
from scow.tasks import running

_HOST = Platform("linux", "amd64")
_LINES = 6_000
_LONGEST_S = 0.15
"""In one turn. As a whole these take 0.3 to 20 s, and took all of it in one turn."""

_HOSTILE: dict[str, Callable[[int], str]] = {
    "variables": lambda number: f"ENV A{number}=b\n",
    "variables that are not there": lambda number: f"ENV A{number}=$U{number}\n",
    "labels": lambda number: f"LABEL A{number}=b\n",
    "arguments": lambda number: f"ARG A{number}=b\n",
    "ports": lambda number: f"EXPOSE {number + 1}\n",
    "volumes": lambda number: f"VOLUME /{number}\n",
    "triggers": lambda number: f"ONBUILD RUN {number}\n",
    "programs": lambda number: f"RUN {number}\n",
    "copies": lambda number: f"COPY a{number} /\n",
    "folders": lambda number: f"WORKDIR a{number}\n",
}


class NoImages:
    """See ``scow.build.evaluate.base.Resolver``."""

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        raise NotFoundError(f"No such image: {reference}")


async def _evaluated(text: str) -> StageState:
    warnings: list[LintWarning] = []
    read = await read_checked(text, "Dockerfile", {}, warnings.append)
    await check_text(read, {}, warnings.append)
    options = Options(build_arguments={}, build_platform=_HOST, platform=_HOST, as_buildkit=True)
    return await Evaluator(read.dockerfile, options, NoImages(), read.checks).finished(0)


async def _longest_turn_s(text: str) -> float:
    """How long others have to wait at most while a Dockerfile is evaluated."""
    longest_s = 0.0
    async with running(_evaluated(text), name="evaluation") as (work,):
        while not work.done():
            before_s = time.thread_time()
            await asyncio.sleep(0)
            longest_s = max(longest_s, time.thread_time() - before_s)
        await work
    return longest_s


@pytest.fixture
def no_collections() -> Iterator[None]:
    """The collector looks at all that other tests have left, too."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
@pytest.mark.parametrize("line", _HOSTILE.values(), ids=_HOSTILE)
def test_others_have_their_turn_while_a_dockerfile_of_many_lines_is_evaluated(
    line: Callable[[int], str],
) -> None:
    text = "FROM scratch\n" + "".join(map(line, range(_LINES)))
    longest_s = asyncio.run(_longest_turn_s(text))
    assert longest_s < _LONGEST_S, longest_s


def test_variables_stand_where_they_were_first_set_and_each_stage_has_its_own() -> None:
    text = (
        "FROM scratch AS a\nENV A=1 B=2\nENV A=3\nENV C=4\n"
        "FROM a AS b\nENV B=5\nENV D=6\nLABEL x=y\nEXPOSE 80\nVOLUME /v\nONBUILD RUN true\n"
        "FROM a AS c\nENV E=7\n"
    )

    async def configs() -> list[list[str] | None]:
        dockerfile = await parsed(text, "Dockerfile")
        options = Options(build_arguments={}, build_platform=_HOST, platform=_HOST, as_buildkit=True)
        evaluator = Evaluator(dockerfile, options, NoImages())
        states = [await evaluator.finished(index) for index in range(3)]
        assert [bool(state.config.labels) for state in states] == [False, True, False]
        return [state.config.env for state in states]

    assert asyncio.run(configs()) == [
        ["A=3", "B=2", "C=4"],
        ["A=3", "B=5", "C=4", "D=6"],
        ["A=3", "B=2", "C=4", "E=7"],
    ]


def test_a_word_that_is_nested_without_end_is_refused() -> None:
    word = "${a:-" * 5_000 + "}" * 5_000
    with pytest.raises(InvalidArgumentError, match="nested too deeply"):
        Scope({}, {}).expand(word)
