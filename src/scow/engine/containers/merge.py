"""An image's defaults under what the user asked for. Pure."""

import posixpath
from typing import TypeVar

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerConfig, HealthConfig

T = TypeVar("T")


def merge_config(asked: ContainerConfig, image: ContainerConfig) -> ContainerConfig:
    """The container's config: ``asked`` where it says something, else the image's.

    Environment, labels, exposed ports and volumes are merged. An entrypoint that was given drops the
    image's command, as it was written for the other entrypoint.
    """
    entrypoint, cmd = as_list(asked.entrypoint), as_list(asked.cmd)
    # [] and [""] are how clients say "no entrypoint, not the image's either".
    if not entrypoint:
        cmd = cmd or as_list(image.cmd)
        entrypoint = as_list(image.entrypoint) if entrypoint is None else []
    elif entrypoint == [""]:
        entrypoint = None
    return msgspec.structs.replace(
        asked,
        user=asked.user or image.user,
        exposed_ports=_union(asked.exposed_ports, image.exposed_ports),
        env=merge_env(asked.env or [], image.env or []),
        cmd=cmd,
        entrypoint=entrypoint,
        volumes={**(image.volumes or {}), **(asked.volumes or {})} or None,
        working_dir=_working_dir(asked.working_dir or image.working_dir),
        labels={**(image.labels or {}), **(asked.labels or {})},
        stop_signal=_given(asked.stop_signal, image.stop_signal),
        shell=_given(asked.shell, image.shell),
        healthcheck=_merge_health(asked.healthcheck, image.healthcheck),
        network_disabled=asked.network_disabled or msgspec.UNSET,
    )


def merge_env(asked: list[str], image: list[str]) -> list[str]:
    """``asked`` as it is, then the variables of ``image`` that it does not name: so they read back.

    An entry without ``=`` removes the variable later.
    """
    named = {entry.partition("=")[0] for entry in asked}
    return [*asked, *(entry for entry in image if entry.partition("=")[0] not in named)]


def process_args(config: ContainerConfig) -> list[str]:
    """Program and arguments. Raises InvalidArgumentError if there are none."""
    args = [*(as_list(config.entrypoint) or []), *(as_list(config.cmd) or [])]
    if not args:
        raise InvalidArgumentError("no command specified")
    return args


def as_list(value: list[str] | str | None) -> list[str] | None:
    """Old clients send a command as one string."""
    return [value] if isinstance(value, str) else value


def _working_dir(path: str) -> str:
    if not path:
        return ""
    if not path.startswith("/"):
        raise InvalidArgumentError(
            f"the working directory '{path}' is invalid, it needs to be an absolute path"
        )
    return posixpath.normpath("/" + path.lstrip("/"))


def _given(asked: T | msgspec.UnsetType, image: T | msgspec.UnsetType) -> T | msgspec.UnsetType:
    return asked if asked is not msgspec.UNSET and asked else image


def _union(
    asked: dict[str, dict[str, object]] | msgspec.UnsetType,
    image: dict[str, dict[str, object]] | msgspec.UnsetType,
) -> dict[str, dict[str, object]] | msgspec.UnsetType:
    merged = dict(image) if image is not msgspec.UNSET else {}
    merged.update(asked if asked is not msgspec.UNSET else {})
    return merged or msgspec.UNSET


def _merge_health(
    asked: HealthConfig | msgspec.UnsetType, image: HealthConfig | msgspec.UnsetType
) -> HealthConfig | msgspec.UnsetType:
    """Field by field: ``--health-interval`` alone changes only that."""
    if asked is msgspec.UNSET or image is msgspec.UNSET:
        return image if asked is msgspec.UNSET else asked
    own = {f: v for f in asked.__struct_fields__ if (v := getattr(asked, f))}
    return msgspec.structs.replace(image, **own)
