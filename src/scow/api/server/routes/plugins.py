"""``/plugins``: this engine runs none, so none is there to be found."""

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.errors import NotFoundError, UnsupportedError

_VERBS = ("enable", "disable", "push", "set", "upgrade")


async def _list(call: Call) -> Answer:
    call.filters().check("capability", "enabled")
    return json_answer([])


async def _missing(call: Call) -> Answer:
    raise NotFoundError(f'plugin "{call.name}" not found')


async def _install(call: Call) -> Answer:
    raise UnsupportedError("cannot install a plugin: this engine does not run plugins")


def plugin_routes() -> tuple[Route, ...]:
    """The endpoints of plugins."""
    return (
        Route("GET", "/plugins", _list),
        Route("GET", "/plugins/privileges", _install),
        Route("POST", "/plugins/pull", _install),
        Route("POST", "/plugins/create", _install),
        Route("GET", "/plugins/{name}/json", _missing),
        *(Route("POST", f"/plugins/{{name}}/{verb}", _missing) for verb in _VERBS),
        Route("DELETE", "/plugins/{name}", _missing),
    )
