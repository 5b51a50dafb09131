"""The calls of a front end: each to the bridge of its build."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from scow.api.grpc.server import Handler, IncomingCall, unary
from scow.api.server.buildkit.gateway_messages import (
    SERVICE,
    BridgeSolveRequest,
    EvaluateRequest,
    HealthRequest,
    HealthResponse,
    InputsRequest,
    PingRequest,
    ReadDirRequest,
    ReadFileRequest,
    ResolveImageRequest,
    ResolveSourceRequest,
    ReturnRequest,
    StatFileRequest,
    WarnRequest,
)
from scow.spec.protobuf import Message

if TYPE_CHECKING:
    from scow.api.server.buildkit.bridge import Bridge

M = TypeVar("M", bound=Message)

_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = 1


def bridge_handlers(find: "Callable[[IncomingCall], Awaitable[Bridge]]") -> dict[str, Handler]:
    """By path. ``find`` knows whose build a call is about."""

    def asking(kind: type[M], ask: "Callable[[Bridge, M], Awaitable[Message]]") -> Handler:
        async def handle(request: M, call: IncomingCall) -> Message:
            return await ask(await find(call), request)

        return unary(kind, handle)

    return {
        f"{SERVICE}Ping": asking(PingRequest, lambda bridge, it: bridge.ping(it)),
        f"{SERVICE}Solve": asking(BridgeSolveRequest, lambda bridge, it: bridge.solve(it)),
        f"{SERVICE}ReadFile": asking(ReadFileRequest, lambda bridge, it: bridge.read_file(it)),
        f"{SERVICE}ReadDir": asking(ReadDirRequest, lambda bridge, it: bridge.read_dir(it)),
        f"{SERVICE}StatFile": asking(StatFileRequest, lambda bridge, it: bridge.stat_file(it)),
        f"{SERVICE}Evaluate": asking(EvaluateRequest, lambda bridge, it: bridge.evaluate(it)),
        f"{SERVICE}Inputs": asking(InputsRequest, lambda bridge, it: bridge.inputs(it)),
        f"{SERVICE}ResolveImageConfig": asking(
            ResolveImageRequest, lambda bridge, it: bridge.resolve_image(it)
        ),
        f"{SERVICE}ResolveSourceMeta": asking(
            ResolveSourceRequest, lambda bridge, it: bridge.resolve_source(it)
        ),
        f"{SERVICE}Warn": asking(WarnRequest, lambda bridge, it: bridge.warn(it)),
        f"{SERVICE}Return": asking(ReturnRequest, lambda bridge, it: bridge.take_return(it)),
        _HEALTH: unary(HealthRequest, _healthy),
    }


async def _healthy(_request: HealthRequest, _call: IncomingCall) -> HealthResponse:
    return HealthResponse(_SERVING)
