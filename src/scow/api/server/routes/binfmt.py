"""``/scow/binfmt``: interpreters of other machines' programs, scow's own."""

from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.spec.engine_api.binfmt import EmulatorChanges, Emulators, EmulatorsWanted


class EmulatorService(Protocol):
    """Registers them with the kernel of the engine's machine."""

    async def list(self) -> Emulators: ...

    async def install(self, wanted: EmulatorsWanted) -> EmulatorChanges: ...

    async def remove(self, wanted: EmulatorsWanted) -> EmulatorChanges: ...


def binfmt_routes(emulators: EmulatorService) -> tuple[Route, ...]:
    """The endpoints of ``scow binfmt``."""

    async def list_all(call: Call) -> Answer:
        return json_answer(await emulators.list())

    async def install(call: Call) -> Answer:
        return json_answer(await emulators.install(await call.body(EmulatorsWanted)))

    async def remove(call: Call) -> Answer:
        return json_answer(await emulators.remove(await call.body(EmulatorsWanted)))

    return (
        Route("GET", "/scow/binfmt", list_all),
        Route("POST", "/scow/binfmt/install", install, must_finish=True),
        Route("POST", "/scow/binfmt/remove", remove, must_finish=True),
    )
