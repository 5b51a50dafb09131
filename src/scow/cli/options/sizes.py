"""``--memory-swap``, which may be -1, and ``--cpus 1.5``."""

from scow.cli.patterns import Pattern
from scow.cli.units import ram_in_bytes
from scow.errors import InvalidArgumentError

_DECIMAL = Pattern(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")
_RATIO = Pattern(r"([+-]?)(\d+)/(\d+)")
_NANO_DIGITS = 9
_MAX_EXPONENT = 100


def parse_swap_size(text: str) -> int:
    """A size, or -1 for no limit."""
    return -1 if text == "-1" else ram_in_bytes(text)


def parse_cpus(text: str) -> int:
    """Billionths of a CPU of ``1.5`` or ``3/2``; finer than that is refused."""
    ratio = _RATIO.fullmatch(text)
    decimal = _DECIMAL.fullmatch(text)
    if ratio and int(ratio[3]):
        numerator, denominator = int(ratio[2]) * 10**_NANO_DIGITS, int(ratio[3])
        sign = ratio[1]
    elif decimal and (decimal[2] or decimal[3]) and abs(int(decimal[4] or 0)) <= _MAX_EXPONENT:
        digits = decimal[2] + (decimal[3] or "")
        exponent = int(decimal[4] or 0) - len(decimal[3] or "") + _NANO_DIGITS
        numerator, denominator = int(digits) * 10 ** max(exponent, 0), 10 ** max(-exponent, 0)
        sign = decimal[1]
    else:
        raise InvalidArgumentError(f"failed to parse {text} as a rational number")
    if numerator % denominator:
        raise InvalidArgumentError("value is too precise")
    nano: int = numerator // denominator
    return -nano if sign == "-" else nano
