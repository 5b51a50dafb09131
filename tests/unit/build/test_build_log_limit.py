"""Output of steps is bounded as BuildKit's: by the second, and at all."""

from dataclasses import dataclass

from scow.build.frontend.log_limit import LogLimit

_KIB = 1 << 10
_FAST = b"\n[output clipped, log limit 200KiB/s reached]\n"
_MUCH = b"\n[output clipped, log limit 2MiB reached]\n"


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_what_is_printed_slowly_is_told_to_its_last_byte() -> None:
    clock = Clock()
    limit = LogLimit(clock, clock())
    for _ in range(10):
        assert limit.passed(b"x" * 100 * _KIB) == b"x" * 100 * _KIB
        clock.now_s += 1


def test_what_comes_too_fast_is_cut_and_told_of_once() -> None:
    clock = Clock()
    limit = LogLimit(clock, clock())
    assert limit.passed(b"x" * 150 * _KIB) == b"x" * 150 * _KIB
    assert limit.passed(b"y" * 100 * _KIB) == b"y" * 50 * _KIB + _FAST
    assert limit.passed(b"z" * 100 * _KIB) == b""
    clock.now_s += 1.5
    assert limit.passed(b"w") == b"w"  # 350 KiB of 400
    assert limit.passed(b"v" * 100 * _KIB) == b"v" * (50 * _KIB - 1) + _FAST


def test_a_step_may_print_two_mebibytes() -> None:
    clock = Clock()
    limit = LogLimit(clock, clock())
    clock.now_s += 3600
    assert limit.passed(b"x" * (2 << 20)) == b"x" * (2 << 20)
    assert limit.passed(b"y") == _MUCH
    assert limit.passed(b"z" * (10 << 20)) == b""
    clock.now_s += 3600
    assert limit.passed(b"more") == b""
