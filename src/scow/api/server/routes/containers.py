"""``/containers/*``: create, list, inspect, and the verbs of a container's life."""

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from scow.api.http.answer import Answer, Stream
from scow.api.server.call import JSON, Call, json_answer, no_content
from scow.api.server.old_requests import adapt_create
from scow.api.server.router import Route
from scow.api.server.version_views import view_container, view_summary, view_wait
from scow.api.server.versions import asks_platform, asks_stop_signal, asks_wait_condition
from scow.errors import InvalidArgumentError
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import encode_body
from scow.spec.engine_api.container import ContainerCreate
from scow.spec.engine_api.container_views import (
    ContainerCreated,
    ContainerInspect,
    ContainerSummary,
    ContainerTop,
    WaitResult,
)
from scow.spec.filters import Filters


class ContainerService(Protocol):
    """Containers as objects."""

    async def create(self, name: str | None, body: ContainerCreate, *, platform: str) -> ContainerCreated: ...

    async def list(
        self, *, all: bool, limit: int, size: bool, filters: Filters
    ) -> list[ContainerSummary]: ...

    async def inspect(self, ref: str, *, size: bool) -> ContainerInspect: ...

    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None: ...

    async def rename(self, ref: str, name: str) -> None: ...

    async def top(self, ref: str, ps_args: str) -> ContainerTop: ...


class LifecycleService(Protocol):
    """Containers as processes. Each raises NotModified when there is nothing to do."""

    async def start(self, ref: str) -> None: ...

    async def stop(self, ref: str, *, timeout_s: int | None, signal: str | None) -> None: ...

    async def restart(self, ref: str, *, timeout_s: int | None, signal: str | None) -> None: ...

    async def kill(self, ref: str, signal: str) -> None: ...

    async def pause(self, ref: str) -> None: ...

    async def unpause(self, ref: str) -> None: ...

    def wait(self, ref: str, condition: str) -> Awaitable[WaitResult]:
        """A wait that counts from now. Raises NotFoundError, InvalidArgumentError at once."""


def container_routes(containers: ContainerService, lifecycle: LifecycleService) -> tuple[Route, ...]:
    """The endpoints of containers, but for their streams."""
    objects = _Objects(containers)
    verbs = _Verbs(lifecycle)
    return (
        Route("POST", "/containers/create", objects.create, must_finish=True),
        Route("GET", "/containers/json", objects.list),
        Route("GET", "/containers/{name}/json", objects.inspect),
        Route("GET", "/containers/{name}/top", objects.top),
        Route("POST", "/containers/{name}/rename", objects.rename, must_finish=True),
        Route("DELETE", "/containers/{name}", objects.remove, must_finish=True),
        Route("POST", "/containers/{name}/start", verbs.start, must_finish=True),
        Route("POST", "/containers/{name}/stop", verbs.stop, must_finish=True),
        Route("POST", "/containers/{name}/restart", verbs.restart, must_finish=True),
        Route("POST", "/containers/{name}/kill", verbs.kill, must_finish=True),
        Route("POST", "/containers/{name}/pause", verbs.pause, must_finish=True),
        Route("POST", "/containers/{name}/unpause", verbs.unpause, must_finish=True),
        Route("POST", "/containers/{name}/wait", verbs.wait),
    )


class _Objects:
    def __init__(self, containers: ContainerService) -> None:
        self._containers = containers

    async def create(self, call: Call) -> Answer:
        body = await call.body(ContainerCreate)
        created = await self._containers.create(
            call.query.text("name") or None,
            adapt_create(body, call.version),
            platform=call.query.text("platform") if asks_platform(call.version) else "",
        )
        return json_answer(created, 201)

    async def list(self, call: Call) -> Answer:
        query = call.query
        filters = call.filters()
        # As parameters of their own these two are older than filters; docker-py still sends them.
        for key in ("before", "since"):
            if value := query.text(key):
                filters = filters.adding(key, value)
        found = await self._containers.list(
            all=query.boolean("all"),
            limit=query.integer("limit") or 0,
            size=query.boolean("size"),
            filters=filters,
        )
        return json_answer([view_summary(container, call.version) for container in found])

    async def inspect(self, call: Call) -> Answer:
        found = await self._containers.inspect(call.name, size=call.query.boolean("size"))
        return json_answer(view_container(found, call.version))

    async def top(self, call: Call) -> Answer:
        return json_answer(await self._containers.top(call.name, call.query.text("ps_args")))

    async def rename(self, call: Call) -> Answer:
        await self._containers.rename(call.name, call.query.text("name"))
        return no_content()

    async def remove(self, call: Call) -> Answer:
        query = call.query
        await self._containers.remove(
            call.name, force=query.boolean("force"), volumes=query.boolean("v"), link=query.boolean("link")
        )
        return no_content()


class _Verbs:
    def __init__(self, lifecycle: LifecycleService) -> None:
        self._lifecycle = lifecycle

    async def start(self, call: Call) -> Answer:
        await self._lifecycle.start(call.name)
        return no_content()

    async def stop(self, call: Call) -> Answer:
        await self._lifecycle.stop(call.name, timeout_s=call.query.integer("t"), signal=_stop_signal(call))
        return no_content()

    async def restart(self, call: Call) -> Answer:
        await self._lifecycle.restart(call.name, timeout_s=call.query.integer("t"), signal=_stop_signal(call))
        return no_content()

    async def kill(self, call: Call) -> Answer:
        await self._lifecycle.kill(call.name, call.query.text("signal") or "SIGKILL")
        return no_content()

    async def pause(self, call: Call) -> Answer:
        await self._lifecycle.pause(call.name)
        return no_content()

    async def unpause(self, call: Call) -> Answer:
        await self._lifecycle.unpause(call.name)
        return no_content()

    async def wait(self, call: Call) -> Answer:
        """The client starts the container when it has seen the head, so that goes out before the wait."""
        condition = call.query.text("condition") if asks_wait_condition(call.version) else ""
        if condition not in ("", "not-running", "next-exit", "removed"):
            raise InvalidArgumentError(f'invalid condition: "{condition}"')
        result = self._lifecycle.wait(call.name, condition)
        return Stream(_when_ended(result, call.version), JSON)


async def _when_ended(result: Awaitable[WaitResult], version: ApiVersion) -> AsyncIterator[bytes]:
    yield encode_body(view_wait(await result, version)) + b"\n"


def _stop_signal(call: Call) -> str | None:
    return (call.query.text("signal") or None) if asks_stop_signal(call.version) else None
