"""``POST /build``: what a build is asked to be, typed; and the records of the build cache."""

import msgspec

from scow.spec.engine_api.auth import AuthConfig
from scow.spec.engine_api.body import Body
from scow.spec.engine_api.container import Ulimit


class BuildRequest(msgspec.Struct, kw_only=True, frozen=True):
    """All parameters of the query. Sizes in bytes, CPU times in microseconds.

    ``remote`` is an address of a context that does not come with the request. ``build_args`` may have
    ``None`` for a name that the client's environment lacks. ``auths`` are logins by registry.
    """

    dockerfile: str = "Dockerfile"
    tags: tuple[str, ...] = ()
    remote: str = ""
    quiet: bool = False
    no_cache: bool = False
    cache_from: tuple[str, ...] = ()
    pull: bool = False
    remove: bool = True
    force_remove: bool = False
    memory_bytes: int = 0
    memory_swap_bytes: int = 0
    cpu_shares: int = 0
    cpu_period_us: int = 0
    cpu_quota_us: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    shm_bytes: int = 0
    cgroup_parent: str = ""
    ulimits: tuple[Ulimit, ...] = ()
    build_args: dict[str, str | None] = {}
    labels: dict[str, str] = {}
    network_mode: str = ""
    extra_hosts: tuple[str, ...] = ()
    security_options: tuple[str, ...] = ()
    target: str = ""
    platform: str = ""
    auths: dict[str, AuthConfig] = {}


class BuildCacheRecord(Body, kw_only=True):
    """One result in the build cache, as ``GET /system/df`` tells it; times in RFC 3339."""

    id: str = msgspec.field(name="ID")
    parents: list[str] | None = None
    type: str = "regular"
    description: str = ""
    in_use: bool = False
    shared: bool = False
    size: int = 0
    created_at: str = ""
    last_used_at: str | None = None
    usage_count: int = 0
