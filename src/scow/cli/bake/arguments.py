"""A target as the words of ``scow build``: both ways to ask for a build are one."""

import os
import posixpath

from scow.cli.bake.fields import Fields
from scow.cli.building.context import BuildContext, find_context

_LISTS = {
    "tags": "--tag",
    "cache-from": "--cache-from",
    "cache-to": "--cache-to",
    "platforms": "--platform",
    "output": "--output",
    "secret": "--secret",
    "ssh": "--ssh",
    "no-cache-filter": "--no-cache-filter",
    "ulimits": "--ulimit",
    "annotations": "--annotation",
    "attest": "--attest",
    "entitlements": "--allow",
}
_MAPS = {
    "args": "--build-arg",
    "labels": "--label",
    "contexts": "--build-context",
    "extra-hosts": "--add-host",
}
_TEXTS = {"target": "--target", "network": "--network", "shm-size": "--shm-size", "call": "--call"}
_SWITCHES = {"pull": "--pull", "no-cache": "--no-cache"}
_HERE = "cwd://"


def words_of(fields: Fields) -> list[str]:
    """Options for the command line's parser."""
    words: list[str] = []
    for name, option in _LISTS.items():
        words += [f"{option}={value}" for value in fields.get(name, [])]
    for name, option in _MAPS.items():
        values = fields.get(name, {}).items()
        words += [f"{option}={key}={value}" for key, value in values if value is not None]
    for name, option in _TEXTS.items():
        if fields.get(name):
            words.append(f"{option}={fields[name]}")
    words += [option for name, option in _SWITCHES.items() if fields.get(name)]
    return words


def context_of(fields: Fields) -> BuildContext:
    """The Dockerfile is looked for in the context, wherever that is. Raises CommandError."""
    context = fields["context"].removeprefix(_HERE) or "."
    inline = fields.get("dockerfile-inline")
    if inline is not None:
        found = find_context(context, os.devnull)
        found.text = inline.encode()
        return found
    dockerfile = fields["dockerfile"].removeprefix(_HERE)
    is_here = "://" not in context and not context.startswith("git@") and context != "-"
    if is_here and not posixpath.isabs(dockerfile):
        dockerfile = posixpath.join(context, dockerfile)
    return find_context(context, dockerfile)
