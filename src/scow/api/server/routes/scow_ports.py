"""``/scow/…``: what scow has beyond the Engine API on ports and the ways of packets."""

from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.spec.engine_api.scow_ports import Explanation, PortsChange, PortsChanged


class PortChangeService(Protocol):
    """Ports of containers that are there."""

    async def add(self, ref: str, body: PortsChange) -> PortsChanged: ...

    async def remove(self, ref: str, body: PortsChange) -> PortsChanged: ...


class ExplanationService(Protocol):
    """Where packets go."""

    async def container(self, ref: str) -> Explanation: ...

    async def port(self, text: str) -> Explanation: ...


def scow_port_routes(ports: PortChangeService, explanations: ExplanationService) -> tuple[Route, ...]:
    """The endpoints of ``scow port add``, ``port rm`` and ``network explain``."""

    async def add(call: Call) -> Answer:
        return json_answer(await ports.add(call.name, await call.body(PortsChange)))

    async def remove(call: Call) -> Answer:
        return json_answer(await ports.remove(call.name, await call.body(PortsChange)))

    async def explain_container(call: Call) -> Answer:
        return json_answer(await explanations.container(call.name))

    async def explain_port(call: Call) -> Answer:
        return json_answer(await explanations.port(call.name))

    return (
        Route("POST", "/scow/containers/{name}/ports/publish", add, must_finish=True),
        Route("POST", "/scow/containers/{name}/ports/withdraw", remove, must_finish=True),
        Route("GET", "/scow/containers/{name}/explain", explain_container),
        Route("GET", "/scow/ports/{name}/explain", explain_port),
    )
