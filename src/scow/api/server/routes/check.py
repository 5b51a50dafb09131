"""``/system/check``: scow's own."""

from collections.abc import AsyncIterator
from typing import Protocol

from scow.api.http.answer import Answer
from scow.api.server.call import Call
from scow.api.server.router import Route
from scow.api.server.streams import progress_stream
from scow.spec.engine_api.check import CheckFinding, CheckSummary


class CheckService(Protocol):
    """Looks whether everything is whole."""

    async def check(self, *, repair: bool) -> AsyncIterator[CheckFinding | CheckSummary]: ...


def check_routes(checks: CheckService) -> tuple[Route, ...]:
    """The one endpoint."""

    async def check(call: Call) -> Answer:
        return progress_stream(await checks.check(repair=call.query.boolean("repair")))

    return (Route("POST", "/system/check", check, must_finish=True),)
