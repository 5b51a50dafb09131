"""``~/.docker/config.json`` changed: logins, aliases, the current context. What scow does not know stays."""

import os

from scow.api.client.json_text import loads
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_settings(path: str) -> "dict[str, Any]":
    """All of the file, empty if there is none. Raises CommandError for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            values = loads(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise CommandError(f"{path}: {exc}") from exc
    return values if isinstance(values, dict) else {}


def write_settings(path: str, values: "dict[str, Any]") -> None:
    """A reader sees the file before or after, never half of it. Raises CommandError."""
    import json

    place = os.path.realpath(path)
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    temporary = f"{place}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "w", encoding="utf-8") as file:
            file.write(json.dumps(values, indent="\t", ensure_ascii=False))
            file.flush()
            os.fsync(fd)
        os.replace(temporary, place)
    except OSError as exc:
        os.unlink(temporary)
        raise CommandError(f"error saving credentials: {exc}") from exc


def set_current_context(directory: str, name: str) -> None:
    """An empty name is the default one. Writes nothing when that is so. Raises CommandError."""
    path = os.path.join(directory, "config.json")
    values = {"auths": {}, **read_settings(path)}
    if (values.get("currentContext") or "") == name:
        return
    if name:
        values["currentContext"] = name
    else:
        values.pop("currentContext", None)
    write_settings(path, values)
