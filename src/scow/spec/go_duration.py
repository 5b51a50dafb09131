"""Durations as Go prints them, for both ends of the wire."""


def format_duration(duration_ns: int) -> str:
    """time.Duration.String: 1h2m0.5s, 1.5ms, 0s."""
    if duration_ns == 0:
        return "0s"
    sign, left = ("-", -duration_ns) if duration_ns < 0 else ("", duration_ns)
    for unit, size_ns in (("ns", 1), ("µs", 1000), ("ms", 1_000_000)):
        if left < size_ns * 1000:
            return f"{sign}{_decimal(left, size_ns)}{unit}"
    minutes, rest_ns = divmod(left, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest_ns, 1_000_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = str(fraction).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if fraction else str(whole)
