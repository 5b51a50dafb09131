"""A target as the words of ``scow build``: both ways to ask for a build are one."""

import posixpath

from scow.cli.bake.fields import Fields
from scow.cli.building.context import STDIN, BuildContext, context_with, find_context
from scow.cli.exits import CommandError

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
    "policy": "--policy",
    "entitlements": "--allow",
}
_MAPS = {
    "args": "--build-arg",
    "labels": "--label",
    "contexts": "--build-context",
    "extra-hosts": "--add-host",
    "resources": "--resource",
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
    for name in ("context", "dockerfile"):
        if fields[name] == STDIN:
            raise CommandError(f"ERROR: {name} from stdin not allowed in bake")
    context = fields["context"].removeprefix(_HERE) or "."
    inline = fields.get("dockerfile-inline")
    if inline is not None:
        return context_with(context, inline.encode())
    is_here = "://" not in context and not context.startswith("git@")
    if fields["dockerfile"].startswith(_HERE) and not is_here:
        return _with_file_from_here(context, fields["dockerfile"].removeprefix(_HERE))
    dockerfile = fields["dockerfile"].removeprefix(_HERE)
    if is_here and not posixpath.isabs(dockerfile):
        dockerfile = posixpath.join(context, dockerfile)
    return find_context(context, dockerfile)


def _with_file_from_here(context: str, path: str) -> BuildContext:
    """A Dockerfile of this machine for files that are elsewhere."""
    try:
        with open(path, "rb") as file:
            return context_with(context, file.read())
    except OSError as exc:
        raise CommandError(f"ERROR: open {path}: {(exc.strerror or '').lower()}") from exc
