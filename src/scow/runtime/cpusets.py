"""Lists of CPUs and memory nodes: ``0-2,4`` (cpuset(7), "List format")."""

_MAX_NUMBER = 8192  # CONFIG_NR_CPUS of the largest distribution kernels


def parse_cpu_list(text: str) -> frozenset[int]:
    """The numbers of a list; "" is none. Raises ``ValueError``, also for numbers no machine has."""
    numbers: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        low = _number(first, text)
        high = _number(last, text) if dash else low
        if high < low:
            raise ValueError(f"invalid format: {text}")
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def _number(digits: str, text: str) -> int:
    digits = digits.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 6:
        raise ValueError(f"invalid format: {text}")
    if int(digits) > _MAX_NUMBER:
        raise ValueError(f"value out of range, maximum is {_MAX_NUMBER}")
    return int(digits)
