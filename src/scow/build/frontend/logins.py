"""Who a build's client is to a registry."""

from collections.abc import Awaitable, Callable

from scow.distribution.credentials import Credentials
from scow.spec.frontend_build import BuildClient
from scow.spec.reference import Reference


def credentials_host(name: Reference) -> str:
    """As clients are asked for Docker Hub: by the host that is spoken to."""
    return "registry-1.docker.io" if name.registry == "docker.io" else name.registry


def login_of(client: BuildClient) -> Callable[[Reference], Awaitable[Credentials]]:
    """Asks ``client`` for the registry of a reference."""

    async def login(name: Reference) -> Credentials:
        username, password = await client.credentials(credentials_host(name))
        return Credentials(username, password)

    return login
