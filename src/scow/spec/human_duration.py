"""Durations in words, as Docker prints them in ``ps`` (``Up About an hour``); for both ends of the wire."""

_HOUR = 3600


def human_duration(seconds: float) -> str:
    """Docker's words for a duration; rounded the way go-units rounds, hours to the nearest."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / _HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    days = hours // 24
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    if days < 730:
        return f"{days // 30} months"
    return f"{int(seconds / _HOUR) // 24 // 365} years"
