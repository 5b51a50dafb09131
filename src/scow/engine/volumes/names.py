"""What a volume may be called."""

import re
import secrets

from scow.errors import InvalidArgumentError

ANONYMOUS_LABEL = "com.docker.volume.anonymous"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


def new_name() -> str:
    """For a volume that nobody named."""
    return secrets.token_hex(32)


def is_generated(name: str) -> bool:
    """Whether a name looks like one of ``new_name``; a person may have chosen it all the same."""
    return _ANONYMOUS.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Raises InvalidArgumentError with Docker's messages."""
    if len(name) == 1:
        raise InvalidArgumentError(
            "volume name is too short, names should be at least two alphanumeric characters"
        )
    if not _NAME.fullmatch(name):
        raise InvalidArgumentError(
            f'"{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use '
            "absolute path"
        )
