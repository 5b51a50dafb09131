"""``refs.platforms``: which platform each result of a front end is for.

See exporter/containerimage/exptypes of BuildKit.
"""

from collections.abc import Sequence

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform, normalize

PLATFORMS = "refs.platforms"


class _PlatformText(msgspec.Struct, omit_defaults=True):
    architecture: str = ""
    os: str = ""
    variant: str = ""


class _Listed(msgspec.Struct, rename="pascal"):
    """A result's key, and its platform."""

    key: str = msgspec.field(default="", name="ID")
    platform: _PlatformText = msgspec.field(default_factory=_PlatformText)


class _Platforms(msgspec.Struct, rename="pascal"):
    platforms: list[_Listed] | None = None


def platforms_text(platforms: Sequence[Platform]) -> bytes:
    """Results for these, whose keys are their names."""
    listed = [_Listed(str(it), _PlatformText(it.architecture, it.os, it.variant)) for it in platforms]
    return msgspec.json.encode(_Platforms(listed))


def read_platforms(raw: bytes) -> dict[str, Platform]:
    """The platforms by their keys, in order. Raises InvalidArgumentError."""
    try:
        listed = msgspec.json.decode(raw, type=_Platforms).platforms if raw else None
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"failed to parse platforms passed to provenance processor: {exc}"
        ) from exc
    if not listed:
        raise InvalidArgumentError("invalid empty platforms index for exporter")
    found: dict[str, Platform] = {}
    for one in listed:
        if not one.key:
            raise InvalidArgumentError("invalid empty platform key for exporter")
        it = one.platform
        if not it.os or not it.architecture:
            raise InvalidArgumentError(f"invalid platform value {it.os}/{it.architecture} for exporter")
        found[one.key] = normalize(Platform(it.os, it.architecture, it.variant))
    return found


def platform_of_config(config: bytes | None, host: Platform) -> Platform:
    """What the config of an image says that it is for. Raises InvalidArgumentError."""
    if config is None:
        return host
    try:
        said = msgspec.json.decode(config, type=_PlatformText)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"failed to parse image config: {exc}") from exc
    if bool(said.os) != bool(said.architecture):
        raise InvalidArgumentError("invalid image config: os and architecture must be specified together")
    return normalize(Platform(said.os, said.architecture, said.variant)) if said.os else host
