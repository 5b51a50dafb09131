import pytest

from scow.errors import InvalidArgumentError
from scow.runtime.ulimits import ceiling_warnings, check_ulimits, merge_ulimits, rlimits
from scow.spec.engine_api.container import Ulimit

UNLIMITED = 2**64 - 1


def limit(name: str, soft: int, hard: int) -> Ulimit:
    return Ulimit(name=name, soft=soft, hard=hard)


def test_minus_one_is_unlimited() -> None:
    assert rlimits([limit("core", 5, -1)], {}) == [{"type": "RLIMIT_CORE", "soft": 5, "hard": UNLIMITED}]


def test_no_limit_goes_beyond_the_engines_own() -> None:
    made = rlimits([limit("nofile", -1, -1), limit("nproc", 1, 2)], {"nofile": 4096, "nproc": 4096})
    assert [(item["soft"], item["hard"]) for item in made] == [(4096, 4096), (1, 2)]


def test_a_lowered_limit_is_a_warning() -> None:
    warnings = ceiling_warnings([limit("nofile", 1, 9000), limit("core", 1, 2)], {"nofile": 4096, "core": 5})
    assert len(warnings) == 1
    assert "ulimit nofile lowered to 4096" in warnings[0]


def test_a_containers_own_limit_goes_before_the_engines_default() -> None:
    own, default = limit("nofile", 1, 1), limit("nofile", 2, 2)
    assert merge_ulimits([own], [default, limit("core", 0, 0)]) == [own, limit("core", 0, 0)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (limit("as", 1, 1), "invalid ulimit type: as"),
        (limit("core", 2, 1), "ulimit soft limit must be less than or equal to hard limit: 2 > 1"),
        (
            limit("core", -1, 1),
            "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 1",
        ),
    ],
)
def test_what_cannot_be_right_is_an_error(bad: Ulimit, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check_ulimits([bad])
    assert caught.value.message == message
