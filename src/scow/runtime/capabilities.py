"""Which capabilities a container gets: Docker's default set, what is added and dropped, what the engine has.

A container never gets a capability that the engine lacks: asking for one by name is an error, while
``privileged`` and ``ALL`` mean all that there are (Docker does the same since 20.10.22).
"""

from collections.abc import Collection, Iterable

from scow.errors import InvalidArgumentError
from scow.linux.capabilities import CAPABILITIES

DEFAULT = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)
_ALL = "ALL"


def normalize(names: Iterable[str], available: Collection[str]) -> list[str]:
    """Upper case, with the ``CAP_`` prefix; ``ALL`` stays. Raises InvalidArgumentError (Docker's texts)."""
    return [_normalize_one(name.upper(), available) for name in names]


def _normalize_one(name: str, available: Collection[str]) -> str:
    if name == _ALL:
        return name
    full = name if name.startswith("CAP_") else "CAP_" + name
    if full not in CAPABILITIES:
        raise InvalidArgumentError(f'unknown capability: "{full}"')
    if full not in available:
        raise InvalidArgumentError(
            f'capability not supported by your kernel or not available in the current environment: "{full}"'
        )
    return full


def granted(
    add: Iterable[str], drop: Iterable[str], *, privileged: bool, available: Collection[str]
) -> list[str]:
    """The capabilities of a container. Raises InvalidArgumentError for a name that is none.

    With ``ALL`` added, ``drop`` is taken away from everything; with ``ALL`` dropped, ``add`` is all there is.
    """
    everything = [name for name in CAPABILITIES if name in available]
    if privileged:
        return everything
    dropped, added = normalize(drop, available), normalize(add, available)
    if _ALL in added:
        return [name for name in everything if name not in dropped]
    basic = [] if _ALL in dropped else [name for name in DEFAULT if name in available]
    kept = [name for name in basic if name not in dropped]
    return list(dict.fromkeys(kept + added))
