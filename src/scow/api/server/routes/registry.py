"""``/auth``, ``/distribution/{name}/json``, ``/images/search``: registries asked on a client's behalf."""

from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.errors import InvalidArgumentError, UnsupportedError
from scow.spec.engine_api.auth import AuthConfig, LoginAnswer, decode_auth_header
from scow.spec.engine_api.image import DistributionInspect


class RegistryService(Protocol):
    """Registries."""

    async def login(self, auth: AuthConfig) -> LoginAnswer: ...

    async def distribution(self, name: str, auth: AuthConfig) -> DistributionInspect: ...


def registry_routes(registries: RegistryService) -> tuple[Route, ...]:
    """The endpoints that only ask."""
    handlers = _Registry(registries)
    return (
        Route("POST", "/auth", handlers.login),
        Route("GET", "/distribution/{name}/json", handlers.distribution),
        Route("GET", "/images/search", _search),
    )


class _Registry:
    def __init__(self, registries: RegistryService) -> None:
        self._registries = registries

    async def login(self, call: Call) -> Answer:
        return json_answer(await self._registries.login(await call.body(AuthConfig)))

    async def distribution(self, call: Call) -> Answer:
        auth = decode_auth_header(call.request.header("x-registry-auth"))
        return json_answer(await self._registries.distribution(call.name, auth))


async def _search(call: Call) -> Answer:
    """Docker Hub alone can be searched, through an interface of its own."""
    limit = call.query.integer("limit")
    if limit is not None and limit < 0:
        raise InvalidArgumentError("invalid limit specified")
    call.filters()
    raise UnsupportedError(
        f"cannot search for {call.query.text('term')}: this engine does not search registries"
    )
