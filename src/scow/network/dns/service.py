"""The name servers of all containers."""

from typing import TYPE_CHECKING

from scow.network.dns.answers import View

if TYPE_CHECKING:
    from scow.network.dns.server import DnsServer


class DnsService:
    """One server for each network namespace that wants one."""

    def __init__(self) -> None:
        self._servers: dict[str, DnsServer] = {}

    def serve(self, key: str, netns_fd: int, view: View) -> None:
        """Answer at 127.0.0.11 inside a namespace; ``netns_fd`` stays the caller's.

        Raises ``OSError`` if the address cannot be had there. Not an error when ``key`` is served already.
        """
        if key not in self._servers:
            from scow.network.dns.server import DnsServer  # not before there is a network of a user

            self._servers[key] = DnsServer(netns_fd, view)

    async def stop(self, key: str) -> None:
        """Let go of a namespace; not an error when it was not served."""
        server = self._servers.pop(key, None)
        if server is not None:
            await server.aclose()

    async def aclose(self) -> None:
        """Let go of all."""
        for key in list(self._servers):
            await self.stop(key)
