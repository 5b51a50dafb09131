"""``/networks`` and ``/networks/{name}``."""

from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.api.server.version_views import view_network_list
from scow.spec.engine_api.network import Network
from scow.spec.filters import Filters


class NetworkService(Protocol):
    """Networks."""

    async def list(self, filters: Filters) -> list[Network]: ...

    async def inspect(self, ref: str) -> Network: ...


def network_routes(networks: NetworkService) -> tuple[Route, ...]:
    """The endpoints of networks."""

    async def list_(call: Call) -> Answer:
        return json_answer(view_network_list(await networks.list(call.filters()), call.version))

    async def inspect(call: Call) -> Answer:
        return json_answer(await networks.inspect(call.name))

    return (
        Route("GET", "/networks", list_),
        Route("GET", "/networks/", list_),
        Route("GET", "/networks/{name}", inspect),
    )
