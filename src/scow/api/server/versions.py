"""What differs between API versions: which are spoken, what old clients may send, what each is shown.

The structs of ``spec.engine_api`` are the API as of 1.44 to 1.51, where most clients are, and go out as
they are then. For the others an answer becomes plain data and is changed here.
Source: docs/api/version-history.md of the Docker engine.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.api_version import MAX_API_VERSION, MIN_API_VERSION, ApiVersion, parse_api_version
from scow.spec.engine_api.container import ContainerCreate, ContainerInspect, Mount, WaitResult
from scow.spec.engine_api.event import Event
from scow.spec.engine_api.exec import ExecCreate, ExecStart
from scow.spec.engine_api.image import ImageInspect, ImageSummary
from scow.spec.filters import Filters


class TooOldError(InvalidArgumentError):
    """A version below the oldest spoken; those clients expect errors as plain text."""


def check_version(text: str) -> ApiVersion:
    """The version in a path. Raises InvalidArgumentError when it is not spoken."""
    version = parse_api_version(text)
    if version < MIN_API_VERSION:
        raise TooOldError(
            f"client version {text} is too old. Minimum supported API version is {MIN_API_VERSION}, "
            "please upgrade your client to a newer version"
        )
    if version > MAX_API_VERSION:
        raise InvalidArgumentError(
            f"client version {text} is too new. Maximum supported API version is {MAX_API_VERSION}"
        )
    return version


def adapt_create(body: ContainerCreate, version: ApiVersion) -> ContainerCreate:
    """Drop what the client's version did not know, and fill in what it took for granted."""
    host = body.host_config
    mounts = host.mounts if isinstance(host.mounts, list) else []
    if version < (1, 40):
        for mount in mounts:
            if mount.bind_options is not None:
                mount.bind_options.non_recursive = False
        host.ipc_mode = host.ipc_mode or "shareable"
    if version < (1, 41):
        host.cgroupns_mode = host.cgroupns_mode or "host"
    if version < (1, 42):
        host.console_size = [0, 0]
        for mount in mounts:
            _drop_foreign_options(mount)
    if version < (1, 43):
        host.annotations = msgspec.UNSET
    if version < (1, 44):
        if body.healthcheck is not msgspec.UNSET:
            body.healthcheck.start_interval = 0
        _check_one_endpoint(body)
    return body


def _drop_foreign_options(mount: Mount) -> None:
    """Options of another mount type were let pass before 1.42, and meant nothing."""
    if mount.bind_options is not None:
        mount.bind_options.create_mountpoint = False
    if mount.type != "bind":
        mount.bind_options = None
    if mount.type != "volume":
        mount.volume_options = None
    if mount.type != "tmpfs":
        mount.tmpfs_options = None


def _check_one_endpoint(body: ContainerCreate) -> None:
    names = list(body.networking_config.endpoints_config)
    if len(names) > 1:
        raise InvalidArgumentError(f"Container cannot be connected to network endpoints: {', '.join(names)}")


def adapt_exec_create(body: ExecCreate, version: ApiVersion) -> ExecCreate:
    """Window sizes came with 1.42."""
    if version < (1, 42):
        body.console_size = []
    return body


def adapt_exec_start(body: ExecStart, version: ApiVersion) -> ExecStart:
    """Window sizes came with 1.42, and need a terminal. Raises InvalidArgumentError."""
    if version < (1, 42):
        body.console_size = []
    if body.console_size and not body.tty:
        raise InvalidArgumentError("Tty must be enabled when specifying console size")
    return body


def asks_platform(version: ApiVersion) -> bool:
    """Whether ``platform`` of create is to be read."""
    return version >= (1, 41)


def asks_stop_signal(version: ApiVersion) -> bool:
    """Whether ``signal`` of stop and restart is to be read."""
    return version >= (1, 42)


def image_list_filters(filters: Filters, name: str, version: ApiVersion) -> Filters:
    """Before 1.41 the reference could stand in a parameter of its own, ``name``."""
    return filters.adding("reference", name) if name and version < (1, 41) else filters


def volume_prune_filters(filters: Filters, version: ApiVersion) -> Filters:
    """Before 1.42 named volumes were pruned without being asked."""
    return filters.adding("all", "true") if version < (1, 42) else filters


def view_container(container: ContainerInspect, version: ApiVersion) -> ContainerInspect | dict[str, Any]:
    """Inspect: aliases had the short id below 1.45, the default bridge's fields are gone since 1.52."""
    if (1, 45) <= version < (1, 52):
        return container
    view: dict[str, Any] = msgspec.to_builtins(container)
    settings = view["NetworkSettings"]
    if version < (1, 44):
        for endpoint in settings["Networks"].values():
            endpoint.pop("DNSNames", None)
    if version < (1, 45):
        short_id = container.id[:12]
        for name, endpoint in settings["Networks"].items():
            if name not in ("bridge", "host", "none") and short_id not in (endpoint["Aliases"] or ()):
                endpoint["Aliases"] = [*(endpoint["Aliases"] or ()), short_id]
    if version >= (1, 52):
        _without(settings, _BRIDGE_FIELDS)
        view["Config"].pop("MacAddress", None)
    return view


_BRIDGE_FIELDS = (
    "Bridge", "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "HairpinMode", "IPAddress",
    "IPPrefixLen", "IPv6Gateway", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen", "MacAddress",
    "SecondaryIPAddresses", "SecondaryIPv6Addresses",
)  # fmt: skip


def view_wait(result: WaitResult, version: ApiVersion) -> WaitResult | dict[str, Any]:
    """Before 1.42 ``Error`` was null where it is left out now."""
    if version >= (1, 42) or result.error is not msgspec.UNSET:
        return result
    return {"Error": None, "StatusCode": result.status_code}


def view_image(image: ImageInspect, version: ApiVersion) -> ImageInspect | dict[str, Any]:
    """Inspect: a second size below 1.44, the build container below 1.45, no parent since 1.52."""
    if (1, 45) <= version < (1, 52):
        return image
    view: dict[str, Any] = msgspec.to_builtins(image)
    if version < (1, 44):
        view["VirtualSize"] = image.size
    if version < (1, 45):
        view["Container"] = ""
        view["ContainerConfig"] = msgspec.to_builtins(image.config)
    if version >= (1, 52):
        _without(view, [key for key in _IMAGE_OPTIONAL if not view.get(key)])
    return view


_IMAGE_OPTIONAL = ("Author", "Comment", "DockerVersion", "Parent")


def view_image_summary(image: ImageSummary, version: ApiVersion) -> ImageSummary | dict[str, Any]:
    """List: a second size below 1.44; unnamed images had a name made of nothing below 1.43."""
    if version >= (1, 44):
        return image
    view: dict[str, Any] = msgspec.to_builtins(image)
    view["VirtualSize"] = image.size
    if version < (1, 43) and not image.repo_tags and not image.repo_digests:
        view["RepoTags"], view["RepoDigests"] = ["<none>:<none>"], ["<none>@<none>"]
    return view


def view_event(event: Event, version: ApiVersion) -> Event | dict[str, Any]:
    """The fields of before 1.22 were shown until 1.52."""
    if version < (1, 52):
        return event
    view: dict[str, Any] = msgspec.to_builtins(event)
    return _without(view, ("status", "id", "from"))


def event_type(version: ApiVersion) -> str:
    """The content type of the event stream."""
    return "application/x-ndjson" if version >= (1, 52) else "application/json"


def _without(view: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    for key in keys:
        view.pop(key, None)
    return view
