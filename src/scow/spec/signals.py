"""Signals by name or number, as ``kill`` and ``--stop-signal`` take them. Pure."""

import signal
from typing import Final

from scow.errors import InvalidArgumentError

_BY_NAME: Final = {
    **{member.name.removeprefix("SIG"): member.value for member in signal.Signals},
    # signal(7): the real-time signals have names relative to both ends.
    **{f"RTMIN+{n}": signal.SIGRTMIN + n for n in range(1, 16)},
    **{f"RTMAX-{n}": signal.SIGRTMAX - n for n in range(1, 15)},
}


def parse_signal(text: str) -> int:
    """``9``, ``KILL`` or ``SIGKILL`` as a number. Raises InvalidArgumentError."""
    if text.isdecimal() and int(text):
        # Two numbers below SIGRTMIN are the C library's own.
        if int(text) not in _BY_NAME.values():
            raise InvalidArgumentError(f"the linux daemon does not support signal {text}")
        return int(text)
    number = _BY_NAME.get(text.upper().removeprefix("SIG"))
    if number is None:
        raise InvalidArgumentError(f"invalid signal: {text}")
    return number
