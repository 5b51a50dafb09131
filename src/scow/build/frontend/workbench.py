"""One build by BuildKit's front doors: what was asked, and what its parts share while it goes on."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from scow.build.frontend.client_folders import ClientFolders
from scow.build.frontend.options import FrontendOptions
from scow.build.frontend.told import Telling
from scow.build.trees.tree import Tree
from scow.build.workshop import Workshop
from scow.image.leases import Lease
from scow.spec.frontend_build import BuildClient, Exchange, FrontendRequest
from scow.tasks import TaskOwner


@dataclass(frozen=True, slots=True)
class Workbench:
    """One build's place in the ``workshop``.

    ``options`` are those of ``request``, read. ``telling`` tells the client what goes on, ``folders`` are the
    client's. ``lease`` holds the layers that the build makes and brings in, ``tasks`` owns its steps, and
    ``stack`` closes whatever its parts open: all three end with the build's result.
    """

    workshop: Workshop
    request: FrontendRequest
    options: FrontendOptions
    telling: Telling
    folders: ClientFolders
    lease: Lease
    tasks: TaskOwner
    stack: AsyncExitStack

    @property
    def client(self) -> BuildClient:
        """Who asked for the build."""
        return self.request.client

    @property
    def cache_imports(self) -> tuple[Exchange, ...]:
        """Caches of elsewhere: those of the request itself, and those among its options."""
        return (*self.request.cache_imports, *self.options.cache_imports)


async def open_workbench(
    workshop: Workshop,
    request: FrontendRequest,
    options: FrontendOptions,
    at_hand: Mapping[str, Tree],
    stack: AsyncExitStack,
) -> Workbench:
    """``at_hand`` are folders of the client that need not be sent; ``stack`` ends the build."""
    lease = await stack.enter_async_context(workshop.images.lease())
    tasks = await stack.enter_async_context(TaskOwner("steps of a build"))
    folders = ClientFolders(request.client, workshop.archives, workshop.folder, stack, at_hand)
    return Workbench(workshop, request, options, Telling(request.tell), folders, lease, tasks, stack)
