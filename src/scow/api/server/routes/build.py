"""``POST /build``: an image out of a Dockerfile and its context."""

import base64
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from scow.api.http.answer import Answer
from scow.api.http.query import Query
from scow.api.server.call import Call
from scow.api.server.router import Route
from scow.api.server.streams import progress_stream
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.auth import AuthConfig
from scow.spec.engine_api.body import decode_body
from scow.spec.engine_api.build import BuildRequest
from scow.spec.engine_api.container import Ulimit

if TYPE_CHECKING:
    from scow.api.server.buildkit.endpoint import BuildkitEndpoint

T = TypeVar("T")
_MAX_HEADER = 1 << 20
_HUB = ("https://index.docker.io/v1/", "index.docker.io", "docker.io")


class BuildService(Protocol):
    """Builds images. What can be raised before there is progress to tell, is."""

    async def build(
        self, request: BuildRequest, body: AsyncIterable[bytes]
    ) -> AsyncIterator[dict[str, Any]]: ...


def build_routes(builds: BuildService, buildkit: "BuildkitEndpoint") -> tuple[Route, ...]:
    """The one endpoint, of both builders."""

    async def build(call: Call) -> Answer:
        if call.query.text("version") == "2":
            return progress_stream(await buildkit.embedded.build(call.query, call.request.body))
        request = read_request(call.query, call.request.header("x-registry-config"))
        return progress_stream(await builds.build(request, call.request.body))

    return (Route("POST", "/build", build),)


def read_request(query: Query, registry_config: str) -> BuildRequest:
    """The query, typed. Raises InvalidArgumentError, UnsupportedError."""
    if query.boolean("squash"):
        raise InvalidArgumentError("squash is only supported with experimental mode")
    return BuildRequest(
        dockerfile=query.text("dockerfile") or "Dockerfile",
        tags=tuple(query.all("t")),
        remote=query.text("remote"),
        quiet=query.boolean("q"),
        no_cache=query.boolean("nocache"),
        cache_from=tuple(_json(query, "cachefrom", list[str], [])),
        pull=query.boolean("pull"),
        remove=query.boolean("rm", True),
        force_remove=query.boolean("forcerm"),
        memory_bytes=_integer(query, "memory"),
        memory_swap_bytes=_integer(query, "memswap"),
        cpu_shares=_integer(query, "cpushares"),
        cpu_period_us=_integer(query, "cpuperiod"),
        cpu_quota_us=_integer(query, "cpuquota"),
        cpuset_cpus=query.text("cpusetcpus"),
        cpuset_mems=query.text("cpusetmems"),
        shm_bytes=_integer(query, "shmsize"),
        cgroup_parent=query.text("cgroupparent"),
        ulimits=tuple(_json(query, "ulimits", list[Ulimit], [])),
        build_args=_json(query, "buildargs", dict[str, str | None], {}),
        labels=_json(query, "labels", dict[str, str], {}),
        network_mode=query.text("networkmode"),
        extra_hosts=_extra_hosts(query.all("extrahosts")),
        security_options=tuple(_json(query, "securityopt", list[str], [])),
        target=query.text("target"),
        platform=query.text("platform"),
        auths=_auths(registry_config),
    )


def _integer(query: Query, name: str) -> int:
    return query.integer(name) or 0


def _json(query: Query, name: str, kind: type[T], default: T) -> T:
    text = query.text(name)
    return default if not text or text == "null" else _decoded(text, name, kind)


def _decoded(text: str, name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"error reading {name}: {exc}") from exc


def _extra_hosts(values: list[str]) -> tuple[str, ...]:
    """Repeated, between commas, or as JSON: each of Docker's clients has its own way."""
    found: list[str] = []
    for text in values:
        if text.startswith("["):
            found += _decoded(text, "extrahosts", list[str])
        else:
            found += filter(None, text.split(","))
    return tuple(found)


def _auths(header: str) -> dict[str, AuthConfig]:
    """``X-Registry-Config``: base64 of JSON, a login for each registry by its name."""
    if not header or len(header) > _MAX_HEADER:
        return {}
    plain = header.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        data = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
        found = decode_body(data, dict[str, AuthConfig])
    except (ValueError, InvalidArgumentError):
        return {}
    return {_registry(name): auth for name, auth in found.items()}


def _registry(address: str) -> str:
    if address in _HUB:
        return "docker.io"
    host = address.partition("://")[2] or address
    return host.partition("/")[0]
