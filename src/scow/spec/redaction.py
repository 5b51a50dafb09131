"""Addresses as they may be shown and kept: without the name and the password that may stand in them.

A name alone, and a name with a password, are told apart, as BuildKit does (util/urlutil).
"""

import re

# A password may have an @ in it: the last one ends it.
_USER = re.compile(r"^([a-z][a-z0-9+.-]*://)([^/\s]*)@", re.I)
_MASK = "xxxxx"


def redacted(address: str) -> str:
    """``https://xxxxx:xxxxx@host/path``."""
    return _USER.sub(_masked, address)


def _masked(match: "re.Match[str]") -> str:
    name, colon, _ = match[2].partition(":")
    return f"{match[1]}{_MASK if name else ''}{f':{_MASK}' if colon else ''}@"
