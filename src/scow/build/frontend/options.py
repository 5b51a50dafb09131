"""Options of the front end ``dockerfile.v0``, as text by name, made into values.

Their names and forms are BuildKit's: frontend/dockerui/config.go and attr.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from scow.build.attest.wanted import Wanted, read_attestations
from scow.build.evaluate.variables import PROXY_ARGUMENTS
from scow.build.graph.settings import USUAL_HOSTNAME, Settings
from scow.build.source_date_epoch import parse_epoch
from scow.errors import InvalidArgumentError, UnsupportedError
from scow.runtime.program_run import Limits
from scow.spec.frontend_build import Exchange
from scow.spec.platform import Platform, parse_platform

CONTEXT_FOLDER = "context"
REQUEST = "requestid"
"""The option that asks something of a Dockerfile instead of building it."""
_HOSTNAME = "BUILDKIT_SANDBOX_HOSTNAME"
_EPOCH = "SOURCE_DATE_EPOCH"
_NETWORKS = {"": "default", "none": "none", "host": "host", "sandbox": "default", "default": "default"}
_OURS = frozenset(
    {
        *("filename", "target", "platform", "multi-platform", "no-cache", "image-resolve-mode"),
        *("force-network-mode", "add-hosts", "shm-size", "ulimit", "cgroup-parent", "hostname"),
        *("context", "contextkey", "dockerfilekey", "contextsubdir", "source", "cmdline", "frontend.caps"),
        *("memory", "memswap", "cpushares", "cpuperiod", "cpuquota", "cpusetcpus", "cpusetmems"),
        *("cache-imports", "cache-from", "source-date-epoch"),
    }
)
_PREFIXES = (
    *("build-arg:", "label:", "context:", "input-metadata:", "vcs:", "attest:", "annotation"),
    "local-sessionid:",
)


@dataclass(frozen=True, slots=True)
class FrontendOptions:
    """``platforms`` is empty for this machine's. ``no_cache``: of all stages, or of those named.

    ``context`` is an address, "" for the client's own folder. The client's names for that and for the
    Dockerfile's are ``context_folder`` and ``dockerfile_folder``; the latter is empty where it said nothing.
    ``named_contexts`` are as the client wrote them. ``multi_platform``: an index even of one platform.
    """

    filename: str = "Dockerfile"
    target: str = ""
    platforms: tuple[Platform, ...] = ()
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    named_contexts: Mapping[str, str] = field(default_factory=dict)
    context: str = ""
    context_folder: str = CONTEXT_FOLDER
    dockerfile_folder: str = ""
    subdirectory: str = ""
    no_cache: bool = False
    no_cache_stages: frozenset[str] = frozenset()
    pull: bool = False
    settings: Settings = field(default_factory=Settings)
    multi_platform: bool = False
    cache_imports: tuple[Exchange, ...] = ()
    attestations: Wanted = field(default_factory=Wanted)


def read_options(options: Mapping[str, str]) -> FrontendOptions:
    """Raises InvalidArgumentError for a value that cannot be right, UnsupportedError for what is not done."""
    check_known(options)
    arguments = _prefixed(options, "build-arg:")
    stages = options.get("no-cache")
    return FrontendOptions(
        filename=options.get("filename") or "Dockerfile",
        target=options.get("target", ""),
        platforms=_platforms(options.get("platform", "")),
        build_arguments=arguments,
        labels=_prefixed(options, "label:"),
        named_contexts=_prefixed(options, "context:"),
        context=_context(options.get("context", "")),
        context_folder=options.get("contextkey") or _local_name(options.get("context", "")) or CONTEXT_FOLDER,
        dockerfile_folder=options.get("dockerfilekey", ""),
        subdirectory=options.get("contextsubdir", "").strip("/"),
        no_cache=stages is not None and not stages,
        no_cache_stages=frozenset(filter(None, (stages or "").split(","))),
        pull=options.get("image-resolve-mode", "") in ("pull", "always"),
        settings=_settings(options, arguments),
        multi_platform=options.get("multi-platform") == "true",
        cache_imports=_cache_imports(options),
        attestations=read_attestations(options),
    )


def known_options(options: Mapping[str, str]) -> dict[str, str]:
    """Those that mean something to us, of a front end that may have others."""
    return {name: value for name, value in options.items() if _is_known(name)}


def check_known(options: Mapping[str, str]) -> None:
    """Raises UnsupportedError for an option that our front end does not have."""
    for name in options:
        if not _is_known(name):
            raise UnsupportedError(f"option {name} of the Dockerfile front end is not supported")


def _is_known(name: str) -> bool:
    return name in _OURS or name.startswith(_PREFIXES)


def _prefixed(options: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in options.items() if name.startswith(prefix)}


def _platforms(text: str) -> tuple[Platform, ...]:
    return tuple(parse_platform(one.strip()) for one in text.split(",") if one.strip())


def _context(text: str) -> str:
    return "" if text.startswith("local:") else text


def _local_name(text: str) -> str:
    return text.removeprefix("local:") if text.startswith("local:") else ""


def _settings(options: Mapping[str, str], arguments: Mapping[str, str]) -> Settings:
    network = options.get("force-network-mode", "")
    if network not in _NETWORKS:
        raise InvalidArgumentError(f"invalid network mode {network}")
    epoch = options.get("source-date-epoch") or arguments.get(_EPOCH, "")
    return Settings(
        network=_NETWORKS[network],
        hosts=_hosts(options.get("add-hosts", "")),
        limits=Limits(
            memory_bytes=_number("memory", options.get("memory", "")),
            memory_swap_bytes=_number("memswap", options.get("memswap", "")),
            cpu_shares=_number("cpushares", options.get("cpushares", "")),
            cpu_period_us=_number("cpuperiod", options.get("cpuperiod", "")),
            cpu_quota_us=_number("cpuquota", options.get("cpuquota", "")),
            cpuset_cpus=options.get("cpusetcpus", ""),
            cpuset_mems=options.get("cpusetmems", ""),
            shm_bytes=_number("shm-size", options.get("shm-size", "")),
            cgroup_parent=options.get("cgroup-parent", ""),
            ulimits=_ulimits(options.get("ulimit", "")),
        ),
        proxies=_proxies(arguments),
        hostname=arguments.get(_HOSTNAME, "") or options.get("hostname", "") or USUAL_HOSTNAME,
        epoch_s=parse_epoch(epoch) if epoch else None,
    )


def _proxies(arguments: Mapping[str, str]) -> tuple[str, ...]:
    """Each in both spellings, for programs read one or the other."""
    given = {name.upper(): arguments[name] for name in sorted(arguments) if name.upper() in PROXY_ARGUMENTS}
    return tuple(f"{spelling}={it}" for name, it in given.items() for spelling in (name, name.lower()))


class _CacheImport(msgspec.Struct, rename="pascal"):
    """One of ``cache-imports``."""

    type: str = ""
    attrs: dict[str, str] = {}


def _cache_imports(options: Mapping[str, str]) -> tuple[Exchange, ...]:
    """``cache-imports`` is a list in JSON, ``cache-from`` references of older clients."""
    text = options.get("cache-imports", "")
    try:
        listed = msgspec.json.decode(text, type=list[_CacheImport]) if text else []
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"failed to unmarshal cache-imports: {exc}") from exc
    if listed:
        return tuple(Exchange(it.type, it.attrs) for it in listed)
    names = filter(None, options.get("cache-from", "").split(","))
    return tuple(Exchange("registry", {"ref": name}) for name in names)


def _hosts(text: str) -> tuple[str, ...]:
    """``name=address`` with commas between, as the engine has it with a colon."""
    found = []
    for one in filter(None, text.split(",")):
        name, equals, address = one.partition("=")
        if not (name and equals and address):
            raise InvalidArgumentError(f"invalid host {one}")
        found.append(f"{name}:{address}")
    return tuple(found)


def _ulimits(text: str) -> tuple[tuple[str, int, int], ...]:
    """``name=soft[:hard]`` with commas between."""
    found = []
    for one in filter(None, text.split(",")):
        name, _, values = one.partition("=")
        soft, _, hard = values.partition(":")
        found.append((name, _number("ulimit", soft), _number("ulimit", hard or soft)))
    return tuple(found)


def _number(name: str, text: str) -> int:
    if not text:
        return 0
    try:
        return int(text)
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid {name}: {text}") from exc
