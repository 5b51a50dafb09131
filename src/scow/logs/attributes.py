"""What is told with every line of a log: labels and variables that were asked for, and the tag."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scow.errors import InvalidArgumentError
from scow.logs.tag_template import render_tag

# Of every driver that looks at labels, variables and tags.
ATTRIBUTE_OPTIONS = frozenset({"labels", "labels-regex", "env", "env-regex", "tag"})


@dataclass(frozen=True)
class LogSource:
    """The container behind a log, for the attributes and the tag of its lines.

    ``name`` begins with a slash; ``entrypoint`` and ``args`` are the command as it is run.
    """

    container_id: str = ""
    name: str = ""
    image_id: str = ""
    image_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    entrypoint: str = ""
    args: tuple[str, ...] = ()
    created: str = ""


def chosen_attributes(options: Mapping[str, str], source: LogSource) -> dict[str, str]:
    """The labels and variables asked for. Raises ``InvalidArgumentError`` for a pattern that is none."""
    env = dict(entry.split("=", 1) for entry in source.env if "=" in entry)
    return {
        **_chosen(source.labels, options.get("labels", ""), options.get("labels-regex", "")),
        **_chosen(env, options.get("env", ""), options.get("env-regex", "")),
    }


def rendered_tag(options: Mapping[str, str], source: LogSource, default: str = "") -> str:
    """The tag, of the template ``default`` where none is given. Raises ``InvalidArgumentError``."""
    template = options.get("tag", "") or default
    return render_tag(template, _tag_fields(source, options)) if template else ""


def _chosen(values: Mapping[str, str], names: str, pattern: str) -> dict[str, str]:
    wanted = set(names.split(","))
    try:
        matches = re.compile(pattern).search if pattern else lambda _name: None
    except re.error as exc:
        raise InvalidArgumentError(f"error parsing regexp: {exc}") from exc
    return {name: value for name, value in values.items() if name in wanted or matches(name)}


def _tag_fields(source: LogSource, options: Mapping[str, str]) -> dict[str, Any]:
    """What a tag can name: the fields and methods of moby's logger.Info."""
    return {
        "ID": source.container_id[:12],
        "FullID": source.container_id,
        "Name": source.name.removeprefix("/"),
        "ImageID": source.image_id[:12],
        "ImageFullID": source.image_id,
        "ImageName": source.image_name,
        "DaemonName": "docker",
        "Command": " ".join((source.entrypoint, *source.args)),
        "Hostname": os.uname().nodename,
        "Config": dict(options),
        "ContainerID": source.container_id,
        "ContainerName": source.name,
        "ContainerEntrypoint": source.entrypoint,
        "ContainerArgs": list(source.args),
        "ContainerImageID": source.image_id,
        "ContainerImageName": source.image_name,
        "ContainerCreated": source.created,
        "ContainerEnv": list(source.env),
        "ContainerLabels": dict(source.labels),
    }
