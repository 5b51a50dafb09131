"""Which files of this machine a target reads, and how paths are compared when rights are asked for."""

import os
from collections.abc import Iterable

from scow.cli.bake.fields import Fields
from scow.cli.options.secret_sources import parse_secret
from scow.errors import InvalidArgumentError

_HERE = "cwd://"
_LAYOUT = "oci-layout://"
_ELSEWHERE = ("http://", "https://", "git://", "ssh://", "git@", "github.com/", "target:", "docker-image:")


def local_inputs(fields: Fields) -> list[str]:
    """Contexts and Dockerfile, as far as they are here."""
    context = str(fields.get("context") or ".")
    dockerfile = str(fields.get("dockerfile") or "Dockerfile")
    found = []
    if not context.startswith(_ELSEWHERE):
        context = context.removeprefix(_HERE) or "."
        found = [context, os.path.join(context, dockerfile.removeprefix(_HERE))]
    elif dockerfile.startswith(_HERE):
        found = [dockerfile.removeprefix(_HERE)]
    for value in fields.get("contexts", {}).values():
        if value.startswith(_LAYOUT):
            found.append(value.removeprefix(_LAYOUT).partition("@")[0])
        elif not value.startswith(_ELSEWHERE):
            found.append(value.removeprefix(_HERE))
    return found


def secret_paths(fields: Fields) -> list[tuple[str, str]]:
    """Names of secrets and the files that they are in; those of variables are in none."""
    sources = [parse_secret(text, os.environ) for text in fields.get("secret", [])]
    return [(it.name, it.path) for it in sources if it.path]


def existing_part(path: str) -> str:
    """The part of ``path`` that is there, without links. Raises InvalidArgumentError."""
    whole = found = os.path.realpath(path)
    while not os.path.lexists(found):
        found = os.path.dirname(found)
    if found != whole and not os.path.isdir(found):
        raise InvalidArgumentError(f'failed to evaluate path "{path}": not a directory')
    return found


def outermost(paths: Iterable[str]) -> list[str]:
    """``paths`` but those below another."""
    found: list[str] = []
    for path in sorted(set(paths), key=len):
        if not any(is_below(path, parent) for parent in found):
            found.append(path)
    return found


def is_below(path: str, parent: str) -> bool:
    """Whether ``path`` is ``parent`` or in it; both are absolute and without links."""
    return path == parent or path.startswith(parent.rstrip("/") + "/")


def shown_path(path: str) -> str:
    """Relative to the working directory unless that takes more than one step up."""
    relative = os.path.relpath(path, os.path.realpath(os.getcwd()))
    return path if relative.startswith("../..") else relative
