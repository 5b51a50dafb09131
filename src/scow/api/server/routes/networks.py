"""``/networks/*``."""

from typing import Protocol

from scow.api.http.answer import Answer, Full
from scow.api.server.call import Call, json_answer, no_content
from scow.api.server.old_requests import adapt_endpoint, adapt_network_create
from scow.api.server.router import Route
from scow.api.server.version_views import view_network_list
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.network import (
    EndpointSettings,
    Network,
    NetworkConnect,
    NetworkCreate,
    NetworkCreated,
    NetworkDisconnect,
)
from scow.spec.engine_api.prune import NetworkPrune
from scow.spec.filters import Filters


class NetworkService(Protocol):
    """Networks."""

    async def list(self, filters: Filters) -> list[Network]: ...

    async def inspect(self, ref: str, scope: str) -> Network: ...

    async def create(self, body: NetworkCreate) -> NetworkCreated: ...

    async def remove(self, ref: str) -> None: ...

    async def prune(self, filters: Filters) -> NetworkPrune: ...


class ConnectionService(Protocol):
    """Containers on networks."""

    async def connect(self, ref: str, container: str, settings: EndpointSettings) -> None: ...

    async def disconnect(self, ref: str, container: str, *, force: bool) -> None: ...


def network_routes(networks: NetworkService, connections: ConnectionService) -> tuple[Route, ...]:
    """The endpoints of networks."""

    async def list_(call: Call) -> Answer:
        return json_answer(view_network_list(await networks.list(call.filters()), call.version))

    async def inspect(call: Call) -> Answer:
        call.query.boolean("verbose")
        return json_answer(await networks.inspect(call.name, call.query.text("scope")))

    async def create(call: Call) -> Answer:
        body = adapt_network_create(await call.body(NetworkCreate), call.version)
        return json_answer(await networks.create(body), 201)

    async def remove(call: Call) -> Answer:
        await networks.remove(call.name)
        return no_content()

    async def prune(call: Call) -> Answer:
        return json_answer(await networks.prune(call.filters()))

    async def connect(call: Call) -> Answer:
        body = await call.body(NetworkConnect)
        settings = adapt_endpoint(body.endpoint_config, call.version)
        await connections.connect(call.name, body.container, settings)
        return Full(200)

    async def disconnect(call: Call) -> Answer:
        body = await call.body(NetworkDisconnect)
        await connections.disconnect(call.name, body.container, force=body.force)
        return Full(200)

    return (
        Route("GET", "/networks", list_),
        Route("GET", "/networks/", list_),
        Route("POST", "/networks/create", create, must_finish=True),
        Route("POST", "/networks/prune", prune, must_finish=True, since=ApiVersion(1, 25)),
        Route("POST", "/networks/{name}/connect", connect, must_finish=True),
        Route("POST", "/networks/{name}/disconnect", disconnect, must_finish=True),
        Route("GET", "/networks/{name}", inspect),
        Route("DELETE", "/networks/{name}", remove, must_finish=True),
    )
