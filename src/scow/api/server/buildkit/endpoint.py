"""BuildKit's protocol as a whole: a connection on which clients ask, one on which they lend."""

from collections.abc import Mapping

from scow.api.grpc import server
from scow.api.grpc.http2 import ByteStream
from scow.api.server.buildkit.control import Control
from scow.api.server.buildkit.embedded import EmbeddedBuilds
from scow.api.server.buildkit.failures import as_call_error
from scow.api.server.buildkit.sessions import Sessions
from scow.spec.frontend_build import FrontendBuilds


class BuildkitEndpoint:
    """``socket_folder`` is for sockets of clients' ssh agents, ``worker_id`` names this engine."""

    def __init__(self, builds: FrontendBuilds, socket_folder: str, worker_id: str) -> None:
        self._sessions = Sessions()
        self.embedded = EmbeddedBuilds(builds, self._sessions, socket_folder)
        self._handlers = Control(builds, self._sessions, socket_folder, worker_id).handlers()

    async def serve_session(self, headers: Mapping[str, str], below: ByteStream) -> None:
        """Until the client is gone."""
        await self._sessions.serve(headers, below)

    async def serve_control(self, below: ByteStream) -> None:
        """Until the client is gone."""
        await server.serve(below, self._handlers, as_error=as_call_error)
