"""``/auth``, ``/distribution/{name}/json``, ``/images/search``: registries asked on a client's behalf."""

from collections.abc import Sequence
from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.auth import AuthConfig, LoginAnswer, decode_auth_header
from scow.spec.engine_api.image import DistributionInspect
from scow.spec.filters import Filters


class RegistryService(Protocol):
    """Registries."""

    async def login(self, auth: AuthConfig) -> LoginAnswer: ...

    async def distribution(self, name: str, auth: AuthConfig) -> DistributionInspect: ...

    async def search(
        self, term: str, limit: int | None, filters: Filters, auth: AuthConfig
    ) -> Sequence[object]: ...


def registry_routes(registries: RegistryService) -> tuple[Route, ...]:
    """The endpoints that only ask."""
    handlers = _Registry(registries)
    return (
        Route("POST", "/auth", handlers.login),
        Route("GET", "/distribution/{name}/json", handlers.distribution),
        Route("GET", "/images/search", handlers.search),
    )


class _Registry:
    def __init__(self, registries: RegistryService) -> None:
        self._registries = registries

    async def login(self, call: Call) -> Answer:
        return json_answer(await self._registries.login(await call.body_of_any_type(AuthConfig)))

    async def distribution(self, call: Call) -> Answer:
        auth = decode_auth_header(call.request.header("x-registry-auth"))
        return json_answer(await self._registries.distribution(call.name, auth))

    async def search(self, call: Call) -> Answer:
        limit = call.query.integer("limit")
        if limit is not None and limit < 0:
            raise InvalidArgumentError("invalid limit specified")
        auth = decode_auth_header(call.request.header("x-registry-auth"))
        found = await self._registries.search(call.query.text("term"), limit or None, call.filters(), auth)
        return json_answer(found)
