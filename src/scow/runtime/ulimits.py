"""Resource limits of a process (``--ulimit``, setrlimit(2))."""

from collections.abc import Iterable, Mapping

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import Ulimit
from scow.spec.oci_runtime import Rlimit

# getrlimit(2), without "as": a runtime cannot work below it
NAMES = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss"),
    *("rtprio", "rttime", "sigpending", "stack"),
)
_UNLIMITED = 2**64 - 1


def check_ulimits(ulimits: Iterable[Ulimit]) -> None:
    """Raises InvalidArgumentError for a name that is none, or a soft limit above the hard one."""
    for limit in ulimits:
        if limit.name not in NAMES:
            raise InvalidArgumentError(f"invalid ulimit type: {limit.name}")
        if _value(limit.soft) > _value(limit.hard):
            soft = "soft: -1 (unlimited), hard: " if limit.soft == -1 else f"{limit.soft} > "
            raise InvalidArgumentError(
                f"ulimit soft limit must be less than or equal to hard limit: {soft}{limit.hard}"
            )


def merge_ulimits(own: Iterable[Ulimit], defaults: Iterable[Ulimit]) -> list[Ulimit]:
    """``own``, and those of the engine's ``defaults`` that it does not name."""
    limits = list(own)
    named = {limit.name for limit in limits}
    return limits + [limit for limit in defaults if limit.name not in named]


def rlimits(ulimits: Iterable[Ulimit], ceilings: Mapping[str, int]) -> list[Rlimit]:
    """For the document. ``ceilings`` are hard limits that the engine cannot go beyond (``HostFacts``)."""
    limits = []
    for limit in ulimits:
        hard = min(_value(limit.hard), ceilings.get(limit.name, _UNLIMITED))
        limits.append(
            Rlimit(type=f"RLIMIT_{limit.name.upper()}", soft=min(_value(limit.soft), hard), hard=hard)
        )
    return limits


def ceiling_warnings(ulimits: Iterable[Ulimit], ceilings: Mapping[str, int]) -> list[str]:
    """One warning for each limit that ``rlimits`` lowers."""
    return [
        f"Hard limit of ulimit {limit.name} lowered to {ceilings[limit.name]}: the engine's own limit, which "
        "it cannot raise without CAP_SYS_RESOURCE."
        for limit in ulimits
        if limit.name in ceilings and _value(limit.hard) > ceilings[limit.name]
    ]


def _value(limit: int) -> int:
    """Negative numbers are large ones to the kernel; -1 is unlimited."""
    return limit % (_UNLIMITED + 1)
