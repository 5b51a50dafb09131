"""Which objects a prune may take."""

import pytest

from scow.engine.image_layers import chain_sizes, shared_sizes
from scow.engine.prune_filters import OneAtATime, read_chosen, read_switch
from scow.errors import ConflictError, InvalidArgumentError
from scow.image.model import Image
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.filters import Filters

NOW = 1_700_000_000 * 10**9
HOUR = 3600 * 10**9


@pytest.mark.parametrize(
    ("filters", "labels", "age_ns", "goes"),
    [
        ({}, {}, 0, True),
        ({"until": ["1h"]}, {}, 2 * HOUR, True),
        ({"until": ["1h"]}, {}, HOUR // 2, False),
        ({"label": ["a"]}, {"a": "1"}, 0, True),
        ({"label": ["a=2"]}, {"a": "1"}, 0, False),
        ({"label": ["a", "b"]}, {"a": "1"}, 0, False),
        ({"label!": ["a"]}, {"a": "1"}, 0, False),
        ({"label!": ["a"]}, {}, 0, True),
        ({"label": ["a"], "until": ["1h"]}, {"a": ""}, 0, False),
    ],
)
def test_age_and_labels_must_both_agree(
    filters: dict[str, list[str]], labels: dict[str, str], age_ns: int, goes: bool
) -> None:
    assert read_chosen(Filters(filters), NOW).includes(labels, NOW - age_ns) is goes


@pytest.mark.parametrize(
    ("until", "message"),
    [
        (["1h", "2h"], "more than one until filter specified"),
        (["soon"], "^failed to parse value as time or duration"),
    ],
)
def test_a_moment_is_one_and_readable(until: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read_chosen(Filters({"until": until}), NOW)


def test_switches() -> None:
    assert read_switch(Filters(), "dangling", default=True) is True
    assert read_switch(Filters({"dangling": ["0"]}), "dangling", default=True) is False
    assert read_switch(Filters({"dangling": ["1", "true"]}), "dangling", default=False) is True
    for values in (["maybe"], ["0", "1"], []):
        with pytest.raises(InvalidArgumentError, match="invalid filter 'dangling="):
            read_switch(Filters({"dangling": values}), "dangling", default=True)


def test_one_prune_at_a_time() -> None:
    alone = OneAtATime()
    with alone.run(), pytest.raises(ConflictError, match="already running"), alone.run():
        pass
    with alone.run():
        pass


def image(name: str, *layers: tuple[str, int]) -> Image:
    return Image(
        id=name,
        config=ContainerConfig(),
        architecture="amd64",
        os="linux",
        os_version="",
        variant="",
        created="",
        author="",
        comment="",
        docker_version="",
        parent=None,
        layers=tuple(diff_id for diff_id, _ in layers),
        layer_sizes=tuple(size for _, size in layers),
        chain_id=None,
        history=(),
    )


def test_a_layer_is_shared_when_all_below_it_is() -> None:
    base, top = ("sha256:base", 10), ("sha256:top", 5)
    images = [image("a", base), image("b", base, top), image("c", top), image("d")]
    assert shared_sizes({it.id: [it] for it in images}) == {"a": 10, "b": 10, "c": 0, "d": 0}
    # Of an image of several platforms, what its variants share counts once.
    assert shared_sizes({"ab": images[:2], "e": [image("e", base, top)]}) == {"ab": 15, "e": 15}
    assert sum(chain_sizes(images).values()) == 10 + 5 + 5
