"""``/containers/{name}/exec`` and ``/exec/*``: further processes in a running container."""

from typing import Protocol

from scow.api.http.answer import Answer, Full
from scow.api.server.call import Call, json_answer
from scow.api.server.old_requests import adapt_exec_create, adapt_exec_start
from scow.api.server.router import Route
from scow.api.server.streams import Attachment, hijack
from scow.api.server.window_size import parse_window_size
from scow.spec.engine_api.exec import ExecCreate, ExecInspect, ExecStart


class ExecService(Protocol):
    """Execs, from their creation to their exit code."""

    async def create(self, ref: str, body: ExecCreate) -> str: ...

    async def start(self, exec_id: str, body: ExecStart) -> Attachment | None:
        """What is to be run over the connection; None when it runs detached, and has been started."""

    async def inspect(self, exec_id: str) -> ExecInspect: ...

    async def resize(self, exec_id: str, height: int, width: int) -> None: ...


def exec_routes(execs: ExecService) -> tuple[Route, ...]:
    """The endpoints of execs."""

    async def create(call: Call) -> Answer:
        body = adapt_exec_create(await call.body(ExecCreate), call.version)
        return json_answer({"Id": await execs.create(call.name, body)}, 201)

    async def start(call: Call) -> Answer:
        body = adapt_exec_start(await call.optional_body(ExecStart), call.version)
        attachment = await execs.start(call.name, body)
        return Full(200) if attachment is None else hijack(attachment, call.version)

    async def inspect(call: Call) -> Answer:
        return json_answer(await execs.inspect(call.name))

    async def resize(call: Call) -> Answer:
        await execs.resize(call.name, *parse_window_size(call.query))
        return Full(200)

    return (
        Route("POST", "/containers/{name}/exec", create, must_finish=True),
        Route("POST", "/exec/{name}/start", start, must_finish=True),
        Route("POST", "/exec/{name}/resize", resize),
        Route("GET", "/exec/{name}/json", inspect),
    )
