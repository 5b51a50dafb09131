"""BuildKit's protocol: ``/session`` and ``/grpc``, which change to HTTP/2, and ``/build/cancel``."""

from typing import TYPE_CHECKING

from scow.api.http.answer import Answer, Hijack
from scow.api.server.call import Call, no_content
from scow.api.server.router import Route
from scow.deferred import deferred
from scow.errors import InvalidArgumentError
from scow.spec.api_version import ApiVersion

if TYPE_CHECKING:
    from scow.api.server.buildkit.endpoint import BuildkitEndpoint
    from scow.spec.frontend_build import FrontendBuilds

_PROTOCOL = "h2c"
_SESSION_SINCE = ApiVersion(1, 31)
_CONTROL_SINCE = ApiVersion(1, 39)


def buildkit_endpoint(builds: "FrontendBuilds", socket_folder: str, worker_id: str) -> "BuildkitEndpoint":
    """What serves the protocol. It is loaded when the first client comes, 5 MB."""

    def load() -> "BuildkitEndpoint":
        from scow.api.server.buildkit.endpoint import BuildkitEndpoint

        return BuildkitEndpoint(builds, socket_folder, worker_id)

    return deferred(load)


def buildkit_routes(endpoint: "BuildkitEndpoint") -> tuple[Route, ...]:
    """The endpoints, but for ``/build``."""

    async def session(call: Call) -> Answer:
        _check_upgrade(call)
        headers = call.request.head.headers
        return Hijack(lambda duplex: endpoint.serve_session(headers, duplex), protocol=_PROTOCOL)

    async def control(call: Call) -> Answer:
        _check_upgrade(call)
        return Hijack(endpoint.serve_control, protocol=_PROTOCOL)

    async def cancel(call: Call) -> Answer:
        await endpoint.embedded.cancel(call.query.text("id"))
        return no_content()

    return (
        Route("POST", "/session", session, since=_SESSION_SINCE),
        Route("POST", "/grpc", control, since=_CONTROL_SINCE),
        Route("POST", "/build/cancel", cancel, since=_CONTROL_SINCE),
    )


def _check_upgrade(call: Call) -> None:
    if call.request.head.upgrade.lower() != _PROTOCOL:
        raise InvalidArgumentError(f"no upgrade to {_PROTOCOL} was asked for")
