"""``~/.docker/config.json`` changed: logins and aliases are added to it and taken out again."""

import json
import os

from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_settings(path: str) -> "dict[str, Any]":
    """All of the file, empty if there is none. Raises CommandError for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            values = json.loads(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise CommandError(f"{path}: {exc}") from exc
    return values if isinstance(values, dict) else {}


def write_settings(path: str, values: "dict[str, Any]") -> None:
    """A reader sees the file before or after, never half of it. Raises CommandError."""
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
