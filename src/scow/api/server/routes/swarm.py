"""Swarm endpoints of an engine that is in no swarm.

SDKs call some of them to clean up after themselves, and expect this refusal and no other.
"""

from scow.api.http.answer import Answer
from scow.api.server.call import Call
from scow.api.server.router import Route
from scow.errors import UnavailableError

_OBJECTS = ("configs", "nodes", "secrets", "services", "tasks")


async def _not_part_of_a_swarm(call: Call) -> Answer:
    raise UnavailableError("This node is not part of a swarm")


async def _not_a_manager(call: Call) -> Answer:
    raise UnavailableError(
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
        "to connect this node to swarm and try again."
    )


def swarm_routes() -> tuple[Route, ...]:
    """Everything that asks for a swarm manager."""
    return (
        Route("POST", "/swarm/leave", _not_part_of_a_swarm),
        Route("GET", "/swarm", _not_a_manager),
        Route("GET", "/swarm/unlockkey", _not_a_manager),
        Route("POST", "/swarm/update", _not_a_manager),
        Route("POST", "/swarm/unlock", _not_a_manager),
        *(
            route
            for noun in _OBJECTS
            for route in (
                Route("GET", f"/{noun}", _not_a_manager),
                Route("GET", f"/{noun}/{{name}}", _not_a_manager),
                Route("POST", f"/{noun}/{{name}}", _not_a_manager),
                Route("DELETE", f"/{noun}/{{name}}", _not_a_manager),
            )
        ),
    )
