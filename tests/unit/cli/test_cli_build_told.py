"""What the engine tells of a build, as its client keeps it."""

import base64
from typing import Any

from scow.cli.building.told import Steps


def printed(data: bytes, stream: int = 1, at_s: float = 2.0) -> dict[str, Any]:
    return {
        "digest": "d",
        "stream": stream,
        "data": base64.b64encode(data).decode(),
        "at_ns": int(at_s * 1e9),
    }


def test_letters_that_come_in_two_pieces_are_whole() -> None:
    steps = Steps()
    steps.take_vertex({"digest": "d", "name": "a step", "started_ns": 10**9})
    assert steps.take_output(printed(b"caf\xc3"))[1] == []
    assert steps.take_output(printed(b"err\xe2\x82", stream=2))[1] == []
    assert steps.take_output(printed(b"\xa9\n"))[1] == ["1.000 caferr\u00e9"]
    assert steps.take_output(printed(b"\xac\n", stream=2))[1] == ["1.000 \u20ac"]


def test_what_has_no_end_of_line_is_told_when_the_step_has_ended() -> None:
    steps = Steps()
    steps.take_vertex({"digest": "d", "name": "a step", "started_ns": 10**9})
    steps.take_output(printed(b"one\ntwo"))
    step = steps.take_vertex({"digest": "d", "name": "a step", "completed_ns": 3 * 10**9, "error": "broke"})
    assert steps.take_rest(step) == ["2.000 two"]
    assert steps.take_rest(step) == []
    assert step.tail == ["1.000 one", "2.000 two"]
    assert steps.failed() is step


def test_only_the_last_lines_are_kept_for_a_failure() -> None:
    steps = Steps()
    step, lines = steps.take_output(printed(b"x\n" * 1000))
    assert len(lines) == 1000
    assert len(step.tail) == 200
