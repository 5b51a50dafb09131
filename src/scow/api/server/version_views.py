"""Answers as each version had them.

The structs of ``spec.engine_api`` are the API of about 1.50, where most clients are, and go out as they
are whenever nothing differs. Otherwise an answer becomes plain data and is changed here; whatever has no
rule is the same in all versions, or an addition that old clients ignore.
Source: api/docs/CHANGELOG.md of the Docker engine, "Engine API version history".
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.body import plain
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.engine_api.container_views import ContainerInspect, ContainerSummary, WaitResult
from scow.spec.engine_api.event import Event
from scow.spec.engine_api.image import ImageInspect, ImageSummary
from scow.spec.engine_api.network import EndpointSettings, Network

_View = dict[str, Any]

_BRIDGE_FIELDS = (
    "Bridge", "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "HairpinMode", "IPAddress",
    "IPPrefixLen", "IPv6Gateway", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen", "MacAddress",
    "SecondaryIPAddresses", "SecondaryIPv6Addresses",
)  # fmt: skip
# Of a container's configuration, not of an image's: never set here.
_RUN_TIME_CONFIG = (
    "AttachStderr", "AttachStdin", "AttachStdout", "Domainname", "Hostname", "Image", "OpenStdin",
    "StdinOnce", "Tty",
)  # fmt: skip
_IMAGE_CONFIG = ("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "User", "Volumes", "WorkingDir")
_IMAGE_OPTIONAL = ("Author", "Comment", "DockerVersion", "Parent")
_INFO_UNTIL = (
    ((1, 42), ("KernelMemory",)),
    ((1, 50), ("BridgeNfIptables", "BridgeNfIp6tables")),
    ((1, 52), ("KernelMemoryTCP",)),
)
_INFO_SINCE = (((1, 49), ("FirewallBackend",)),)
_INFO_MEMBERS_UNTIL = (
    (
        (1, 47),
        ("RegistryConfig",),
        ("AllowNondistributableArtifactsCIDRs", "AllowNondistributableArtifactsHostnames"),
    ),
    ((1, 49), ("ContainerdCommit", "InitCommit", "RuncCommit"), ("Expected",)),
)


def view_container(container: ContainerInspect, version: ApiVersion) -> ContainerInspect | _View:
    """Inspect of a container."""
    if (1, 45) <= version < (1, 52):
        return container
    if version < (1, 45):
        networks = container.network_settings.networks
        _add_short_id(networks, container.id[:12])
        if version < (1, 44):
            for endpoint in networks.values():
                endpoint.dns_names = msgspec.UNSET
        return container
    view = plain(container)
    _without(view["NetworkSettings"], _BRIDGE_FIELDS)
    _without(view["Config"], ("MacAddress",))
    _without_empty(view["Config"], ("OnBuild",))
    return view


def view_summary(container: ContainerSummary, version: ApiVersion) -> ContainerSummary:
    """One item of the list of containers; their health came with 1.52."""
    if version < (1, 52):
        container.health = msgspec.UNSET
    return container


def _add_short_id(networks: dict[str, EndpointSettings], short_id: str) -> None:
    """Below 1.45 the aliases on networks that have a name service held the id that it answers to."""
    for name, endpoint in networks.items():
        aliases = endpoint.aliases or []
        if name not in ("bridge", "host", "none") and short_id not in aliases:
            endpoint.aliases = [*aliases, short_id]


def view_wait(result: WaitResult, version: ApiVersion) -> WaitResult | _View:
    """Below 1.42 ``Error`` was null where it is left out now."""
    if version >= (1, 42) or result.error is not msgspec.UNSET:
        return result
    return {"Error": None, "StatusCode": result.status_code}


def view_image(image: ImageInspect, version: ApiVersion) -> _View:
    """Inspect of an image."""
    view = plain(image)
    if version < (1, 44):
        view["VirtualSize"] = image.size
    if version < (1, 45):
        view["Container"] = ""
        # Of the container that a builder made the image from; images from elsewhere have an empty one.
        view["ContainerConfig"] = plain(ContainerConfig())
    if version >= (1, 50):
        _without(view["Config"], _RUN_TIME_CONFIG)
    if version >= (1, 52):
        _without_empty(view["Config"], _IMAGE_CONFIG)
        _without_empty(view, _IMAGE_OPTIONAL)
    return view


def view_image_summary(image: ImageSummary, version: ApiVersion) -> ImageSummary | _View:
    """One item of the list of images."""
    if version >= (1, 51):
        return image
    view = plain(image)
    view["Containers"] = -1
    if version < (1, 44):
        view["VirtualSize"] = image.size
    if version < (1, 43) and not image.repo_tags and not image.repo_digests:
        view["RepoTags"], view["RepoDigests"] = ["<none>:<none>"], ["<none>@<none>"]
    return view


def view_event(event: Event, version: ApiVersion) -> Event:
    """An event; fields that 1.22 replaced were shown until 1.52, of containers and images."""
    if version >= (1, 52) or event.type not in ("container", "image"):
        return event
    image = event.actor.attributes.get("image") if event.type == "container" else None
    return msgspec.structs.replace(
        event, status=event.action, id=event.actor.id or msgspec.UNSET, from_=image or msgspec.UNSET
    )


def view_network_list(networks: Sequence[Network], version: ApiVersion) -> Sequence[Network | _View]:
    """The list of networks, which never named containers, and since 1.52 does not pretend to."""
    if version < (1, 52):
        return networks
    return [_without(plain(network), ("Containers",)) for network in networks]


def view_info(info: _View, version: ApiVersion) -> _View:
    """``/info``: what a later version no longer has is taken out, and what an earlier one had not."""
    gone = [key for since, keys in _INFO_UNTIL for key in keys if version >= since]
    gone += [key for since, keys in _INFO_SINCE for key in keys if version < since]
    view = _without(dict(info), gone)
    if version < (1, 44):
        runtimes = view.get("Runtimes", {}).items()
        view["Runtimes"] = {name: _without(dict(runtime), ("status",)) for name, runtime in runtimes}
    for since, objects, keys in _INFO_MEMBERS_UNTIL:
        for name in view.keys() & set(objects) if version >= since else ():
            view[name] = _without(dict(view[name]), keys)
    return view


def _without(view: _View, keys: Iterable[str]) -> _View:
    for key in keys:
        view.pop(key, None)
    return view


def _without_empty(view: _View, keys: Iterable[str]) -> None:
    _without(view, [key for key in keys if not view.get(key)])
