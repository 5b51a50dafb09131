"""Detach keys: the sequence that leaves a terminal without ending what runs in it. Pure."""

from scow.errors import InvalidArgumentError

DEFAULT = "ctrl-p,ctrl-q"
_CONTROL = "@abcdefghijklmnopqrstuvwxyz[\\]^_"


def parse_detach_keys(text: str) -> bytes:
    """``ctrl-p,ctrl-q`` or ``a,b`` as the bytes they send; "" is the default. Raises InvalidArgumentError."""
    sequence = bytearray()
    for word in (text or DEFAULT).split(","):
        if len(word) == 1 and word.isascii():
            sequence.append(ord(word))
        elif word.startswith("ctrl-") and len(word) == 6 and word[5] in _CONTROL:
            sequence.append(_CONTROL.index(word[5]))
        else:
            raise InvalidArgumentError(f"Invalid detach keys ({text}) provided")
    return bytes(sequence)


class DetachScanner:
    """Finds the sequence in what a person types, also when it arrives in pieces."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What to pass on, and whether the sequence is complete.

        Keys of an unfinished sequence are held back; they are passed on when it breaks off.
        """
        passed = bytearray()
        for byte in data:
            if byte == self._keys[self._matched]:
                self._matched += 1
                if self._matched == len(self._keys):
                    return bytes(passed), True
                continue
            passed += self._keys[: self._matched]
            self._matched = 1 if byte == self._keys[0] else 0
            if not self._matched:
                passed.append(byte)
        return bytes(passed), False
