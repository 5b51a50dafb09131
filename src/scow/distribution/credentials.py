"""Who we are to a registry."""

from base64 import b64encode
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    """Name and password, an ``identity_token`` of an earlier login, or a ``registry_token`` used as it is."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token or self.registry_token)

    def __repr__(self) -> str:
        # Never the secrets: this may end up in a log.
        return f"Credentials({self.username!r})"

    def basic(self) -> str:
        """The value of ``Authorization`` for the Basic scheme (RFC 7617)."""
        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()
