"""Who has which volume mounted.

Containers that run are claimants by their id, and whoever reads or writes a volume for a moment by a name of
his own. A claim on a plugin's volume is also a file in the exec root, for the plugin has to be told of its
end, also by the next engine; of local volumes the mount table and the containers tell.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, unquote


def visitor(what: str) -> str:
    """A name for who has a volume mounted without being a container."""
    return f"{what}-{secrets.token_hex(8)}"


def is_container(user: str) -> bool:
    """Whether a claimant is a container and not a ``visitor``."""
    return "-" not in user


class Claims:
    """Claimants by volume. ``folder`` is for those that must not be forgotten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._users: dict[str, set[str]] = {}

    def users(self, volume: str) -> Sequence[str]:
        """Who has it mounted now."""
        return sorted(self._users.get(volume, ()))

    def add(self, volume: str, user: str) -> None:
        """``user`` has it mounted."""
        self._users.setdefault(volume, set()).add(user)

    def discard(self, volume: str, user: str) -> bool:
        """``user`` has it mounted no longer; whether he had."""
        users = self._users.get(volume, set())
        if user not in users:
            return False
        users.discard(user)
        if not users:
            del self._users[volume]
        return True

    def note(self, volume: str, user: str) -> None:
        """Remember, before it is mounted; blocks. Raises ``OSError``."""
        place = self._place(volume, user)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.touch(mode=0o600)

    def strike(self, volume: str, user: str) -> None:
        """Forget, after it is unmounted; blocks. Raises ``OSError``."""
        place = self._place(volume, user)
        place.unlink(missing_ok=True)
        try:
            place.parent.rmdir()
        except OSError:
            pass  # others have it, or nobody ever had

    def noted(self) -> Iterator[tuple[str, str]]:
        """Volume and user of every claim that was noted and not struck; blocks."""
        if not self._folder.is_dir():
            return
        for folder in sorted(self._folder.iterdir()):
            for name in sorted(os.listdir(folder)):
                yield unquote(folder.name), name

    def _place(self, volume: str, user: str) -> Path:
        return self._folder / quote(volume, safe="") / user
