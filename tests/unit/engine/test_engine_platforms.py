"""An image of another platform than the machine's."""

import pytest

from scow.engine.containers.platforms import check_platform
from scow.errors import InvalidArgumentError, NotFoundError
from scow.image.model import Image
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.platform import Platform

HOST = Platform("linux", "amd64")


def image(architecture: str, variant: str = "") -> Image:
    return Image(
        id="",
        config=ContainerConfig(),
        architecture=architecture,
        os="linux",
        variant=variant,
        os_version="",
        created="",
        author="",
        comment="",
        docker_version="",
        parent=None,
        layers=(),
        layer_sizes=(),
        chain_id=None,
        history=(),
    )


def test_another_platform_is_warned_of_unless_it_was_asked_for() -> None:
    assert check_platform(image("amd64"), "box", "", HOST) == []
    assert check_platform(image("386"), "box", "", HOST) == [], "runs here"
    assert check_platform(image("arm64", "v8"), "box", "linux/arm64", HOST) == []
    assert check_platform(image("arm64", "v8"), "box", "", HOST) == [
        "The requested image's platform (linux/arm64/v8) does not match the detected host platform "
        "(linux/amd64) and no specific platform was requested"
    ]


def test_an_image_of_another_platform_than_asked_for_is_not_found() -> None:
    with pytest.raises(NotFoundError) as caught:
        check_platform(image("amd64"), "box", "linux/arm64", HOST)
    assert caught.value.message == (
        "image with reference box was found but its platform (linux/amd64) does not match the specified "
        "platform (linux/arm64)"
    )
    assert check_platform(image("amd64"), "box", "linux", HOST) == []
    with pytest.raises(InvalidArgumentError):
        check_platform(image("amd64"), "box", "a/b/c/d", HOST)
