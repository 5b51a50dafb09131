"""Platforms: other people's spellings, and which image a machine takes."""

import pytest

from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform, host_platform, parse_platform, rank


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("arm64", "linux/arm64"),
        ("linux", "linux"),
    ],
)
def test_spellings_become_gos_names(text: str, platform: str) -> None:
    assert str(parse_platform(text)) == platform


@pytest.mark.parametrize("text", ["", "a/b/c/d", "linux//v7", "nonsense"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_platform(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [("a b", "an invalid OS component of"), ("linux/a b", "an invalid component of")],
)
def test_the_part_that_is_wrong_is_named(text: str, what: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f'"{text.rpartition("/")[2]}" is {what} "{text}": '):
        parse_platform(text)


def test_a_machine_prefers_its_own_and_takes_what_it_can_run() -> None:
    arm = Platform("linux", "arm64")
    assert rank(arm, Platform("linux", "arm64", "v8")) == 0
    assert rank(arm, Platform("linux", "amd64")) is None
    v7, v6 = rank(arm, Platform("linux", "arm", "v7")), rank(arm, Platform("linux", "arm", "v6"))
    assert v7 is not None
    assert v6 is not None
    assert v7 < v6
    assert rank(host_platform("x86_64"), Platform("linux", "386")) == 1
    assert rank(host_platform("x86_64"), Platform("windows", "amd64")) is None
    assert rank(host_platform("riscv64"), Platform("linux", "riscv64")) == 0
