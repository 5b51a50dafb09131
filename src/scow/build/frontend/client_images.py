"""Images that a build begins from, for one build and its client."""

from contextlib import AsyncExitStack

from scow.build.frontend.foreign_bases import RegistryBases
from scow.build.frontend.logins import login_of
from scow.build.frontend.resolving import ClientImages
from scow.build.frontend.told import Telling
from scow.build.workshop import Workshop
from scow.image.leases import Lease
from scow.spec.frontend_build import BuildClient


def client_images(
    workshop: Workshop,
    client: BuildClient,
    telling: Telling,
    lease: Lease,
    stack: AsyncExitStack,
    *,
    always_pull: bool,
) -> ClientImages:
    """``lease`` holds what is brought in, ``stack`` closes what is opened. ``always_pull``: see there."""
    bases = RegistryBases(
        workshop.images,
        workshop.directory,
        client,
        login_of(client),
        lease,
        workshop.folder,
        stack,
    )
    return ClientImages(
        workshop.images,
        workshop.registries,
        client,
        telling,
        bases,
        workshop.platform,
        always_pull=always_pull,
    )
