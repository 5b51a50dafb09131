"""Whether an image is for the machine, or for the platform that was asked for (``--platform``). Pure."""

from dataclasses import replace

from scow.errors import NotFoundError
from scow.image.model import Image
from scow.spec.platform import Platform, parse_platform, rank


def check_platform(image: Image, name: str, asked: str, host: Platform) -> list[str]:
    """Warnings for a container made of ``image``, which was called ``name``; ``asked`` may be "".

    Raises NotFoundError with Docker's message if the image is for another platform than the one asked for,
    InvalidArgumentError if that is none.
    """
    offered = Platform(image.os, image.architecture, image.variant)
    if asked:
        wanted = with_architecture(parse_platform(asked), host)
        if rank(wanted, offered) is None:
            raise NotFoundError(
                f"image with reference {name} was found but its platform ({offered}) does not match the "
                f"specified platform ({wanted})"
            )
        return []
    if rank(host, offered) is not None:
        return []
    return [
        f"The requested image's platform ({offered}) does not match the detected host platform ({host}) "
        "and no specific platform was requested"
    ]


def with_architecture(platform: Platform, host: Platform) -> Platform:
    """A platform that is no more than an operating system is the host's."""
    if platform.architecture:
        return platform
    return replace(platform, architecture=host.architecture, variant=host.variant)
