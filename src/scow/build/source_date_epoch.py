"""``SOURCE_DATE_EPOCH``: the time that everything of a result has (reproducible-builds.org/specs)."""

from scow.errors import InvalidArgumentError

# What documents can say: the years 1 to 9999 (RFC 3339).
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799


def parse_epoch(text: str) -> int:
    """Seconds since the epoch. Raises InvalidArgumentError."""
    try:
        moment_s = int(text)
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid SOURCE_DATE_EPOCH: {text}") from exc
    if not _FIRST_S <= moment_s <= _LAST_S:
        raise InvalidArgumentError(f"invalid SOURCE_DATE_EPOCH: {text}: year outside of range [0,9999]")
    return moment_s
