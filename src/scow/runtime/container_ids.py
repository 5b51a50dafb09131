"""What containers are known by."""

import secrets

_SHOWN = 12


def new_id() -> str:
    """64 hexadecimal digits, the first twelve of which, the default host name, have a letter among them.

    Resolvers take a name of decimal digits alone for a number, and look it up nowhere (moby/moby#3869).
    """
    while (found := secrets.token_hex(32))[:_SHOWN].isdecimal():
        pass
    return found
