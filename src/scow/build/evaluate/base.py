"""What a stage begins as, and who finds it."""

from dataclasses import dataclass
from typing import Protocol

from scow.spec.oci_image import ImageConfig
from scow.spec.platform import Platform


@dataclass(frozen=True, slots=True)
class BaseImage:
    """An image that is here. ``config`` is ``None`` for ``scratch``; ``id`` is then empty.

    ``digest`` is what a registry has it by, "" if none does; ``platform`` what was asked for. ``document`` is
    the config as it is stored.
    """

    reference: str
    chain_id: str | None
    config: ImageConfig | None
    id: str = ""
    digest: str = ""
    platform: Platform | None = None
    document: bytes = b""


SCRATCH = BaseImage("scratch", None, None)


class Resolver(Protocol):
    """Finds images, here or in a registry."""

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        """Raises NotFoundError, InvalidArgumentError, ScowError."""
