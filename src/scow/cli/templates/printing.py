"""Values as text: Go's fmt (Sprint, Sprintln, Sprintf), for what templates can hold."""

from __future__ import annotations

from scow.cli.go_values import quote
from scow.cli.templates.values import (
    Adapter,
    NilPointer,
    Shown,
    Struct,
    type_name,
    utf8,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def sprint(values: Sequence[object]) -> str:
    """fmt.Sprint: a space between two neighbours of which neither is a string."""
    out: list[str] = []
    for place, value in enumerate(values):
        if place and not isinstance(value, str) and not isinstance(values[place - 1], str):
            out.append(" ")
        out.append(format_value(value))
    return "".join(out)


def sprintln(values: Sequence[object]) -> str:
    """fmt.Sprintln: a space between all, a newline at the end."""
    return " ".join(map(format_value, values)) + "\n"


def format_value(value: object) -> str:
    """``%v``."""
    if isinstance(value, str):
        return value
    return _Verb("v").format(value)


class _Verb:
    """One ``%…x`` of a format: its flags, and how it prints a value."""

    __slots__ = ("alternate", "left", "plus", "precision", "space", "verb", "width", "zero")

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.width = 0
        self.precision: int | None = None
        self.plus = self.left = self.alternate = self.space = self.zero = False

    def format(self, value: object) -> str:
        """The value with all that is in it."""
        verb = self.verb
        if verb == "T":
            return self._padded(type_name(value))
        match value:
            case None:
                return self._padded("<nil>") if verb == "v" else f"%!{verb}(<nil>)"
            case str():
                return self._string(value)
            case bool():
                return self._padded("true" if value else "false") if verb in "tv" else self._wrong(value)
            case int():
                return self._integer(value)
            case float():
                return self._float(value)
            case Shown():
                return self._padded(value.text) if verb in "vs" else self.format(value.raw)
            case NilPointer():
                return self._padded("<nil>") if verb == "v" else f"%!{verb}({value.go_type}=<nil>)"
        return self._composite(value)

    def _composite(self, value: object) -> str:
        match value:
            case dict():
                entries = (
                    f"{self.format(key)}:{self.format(value[key])}" for key in sorted(value, key=sort_key)
                )
                return f"map[{' '.join(entries)}]"
            case list() | tuple():
                if self.verb == "s" and not value:
                    return "[]"
                return f"[{' '.join(map(self.format, value))}]"
            case Struct():
                fields: list[tuple[str, object]] = list(value.items())
            case Adapter():
                fields = list(value.columns())
            case _:
                fields = []
        named = self.verb == "v" and self.plus
        return (
            "{"
            + " ".join(f"{name}:{self.format(part)}" if named else self.format(part) for name, part in fields)
            + "}"
        )

    def _wrong(self, value: object) -> str:
        verb, self.verb = self.verb, "v"
        shown = self.format(value)  # with the flags of the verb that does not fit
        self.verb = verb
        return f"%!{verb}({type_name(value)}={shown})"

    def _padded(self, text: str, *, numeric: bool = False) -> str:
        missing = self.width - len(text)
        if missing <= 0:
            return text
        if self.left:
            return text + " " * missing
        if not self.zero:
            return " " * missing + text
        sign = text[0] if numeric and text[:1] in ("+", "-", " ") else ""
        return sign + "0" * missing + text[len(sign) :]

    def _string(self, text: str) -> str:
        if self.verb in "xX":
            data = utf8(text)[: self.precision]
            separator = " " if self.space else ""
            shown = data.hex(separator) if separator else data.hex()
            prefix = "0x" if self.alternate else ""
            return self._padded((prefix + shown).upper() if self.verb == "X" else prefix + shown)
        if self.precision is not None:
            text = text[: self.precision]
        if self.verb == "q":
            if self.alternate and "`" not in text and text.isprintable():
                return self._padded(f"`{text}`")
            return self._padded(quote(text))
        if self.verb == "v" and self.alternate:
            return self._padded(quote(text))
        return self._padded(text) if self.verb in "sv" else self._wrong(text)

    def _integer(self, value: int) -> str:
        verb = self.verb
        if verb in _BASES:
            digits = format(abs(value), _BASES[verb])
            if self.precision is not None:
                digits = digits.rjust(self.precision, "0") if self.precision or value else ""
            prefix = _PREFIXES[verb] if self.alternate or verb == "O" else ""
            sign = "-" if value < 0 else "+" if self.plus and verb != "v" else " " if self.space else ""
            # A given precision turns zero padding off, as in C.
            zero, self.zero = self.zero, self.zero and self.precision is None
            shown = self._padded(sign + prefix + digits, numeric=True)
            self.zero = zero
            return shown
        if verb == "c":
            return self._padded(_character(value))
        if verb == "q":
            return self._padded(quote(_character(value), "'"))
        if verb == "U":
            return self._padded(f"U+{value:04X}")
        return self._wrong(value)

    def _float(self, value: float) -> str:
        verb = "g" if self.verb == "v" else self.verb
        if verb not in "eEfFgG":
            return self._wrong(value)
        if value != value or value in (float("inf"), float("-inf")):
            text = "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
            return self._padded(text if self.plus or value < 0 else text.lstrip("+"))
        if verb in "gG":
            text = general(value, self.precision)
            text = text.upper() if verb == "G" else text
        else:
            text = format(value, f".{6 if self.precision is None else self.precision}{verb}")
        sign = "" if text[0] == "-" else "+" if self.plus else " " if self.space else ""
        return self._padded(sign + text, numeric=True)


_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES = {"d": "", "v": "", "b": "0b", "o": "0", "O": "0o", "x": "0x", "X": "0X"}


def _character(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"


def general(value: float, precision: int | None, shortest_limit: int = 6) -> str:
    """``%g``: the shortest digits that read back as ``value``, or ``precision`` of them."""
    mantissa, _, exponent_text = (
        format(value, f".{max(precision, 1) - 1}e") if precision is not None else shortest(value)
    ).partition("e")
    exponent = int(exponent_text)
    sign = "-" if mantissa[0] == "-" else ""
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0") or "0"
    # strconv's threshold for %e: 6 for the shortest form, otherwise the precision or the digits there are.
    limit = shortest_limit if precision is None else max(precision, 1)
    if precision is not None and limit > len(digits) >= exponent + 1:
        limit = len(digits)
    if exponent < -4 or exponent >= limit:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def shortest(value: float) -> str:
    """``value`` in scientific notation with as few digits as read back as the same number."""
    for digits in range(17):
        text = format(value, f".{digits}e")
        if float(text) == value:
            return text
    return format(value, ".17e")


def sort_key(key: object) -> tuple[int, object]:
    """The order in which maps are written: by the bytes of their keys, numbers by their value."""
    return (0, key) if isinstance(key, (int, float)) else (1, utf8(str(key)))


def sprintf(template: str, values: Sequence[object]) -> str:
    """fmt.Sprintf, with fmt's complaints in the text where values and verbs do not fit."""
    return _Printf(template, values).run()


class _Printf:
    def __init__(self, template: str, values: Sequence[object]) -> None:
        self.template = template
        self.values = values
        self.at = 0
        self.used = 0
        self.reordered = False

    def run(self) -> str:
        out: list[str] = []
        text = self.template
        while self.at < len(text):
            percent = text.find("%", self.at)
            if percent < 0:
                out.append(text[self.at :])
                break
            out.append(text[self.at : percent])
            self.at = percent + 1
            out.append(self._verb())
        if not self.reordered and self.used < len(self.values):
            extra = ", ".join(
                "<nil>" if value is None else f"{type_name(value)}={format_value(value)}"
                for value in self.values[self.used :]
            )
            out.append(f"%!(EXTRA {extra})")
        return "".join(out)

    def _verb(self) -> str:
        verb = _Verb("")
        self._flags(verb)
        good = self._index()
        self._width(verb)
        if self._take("."):
            self._precision(verb)
        good = self._index() and good
        if self.at >= len(self.template):
            return "%!(NOVERB)"
        verb.verb = self.template[self.at]
        self.at += 1
        if verb.verb == "%":
            return "%"
        if not good:
            return f"%!{verb.verb}(BADINDEX)"
        if self.used >= len(self.values):
            return f"%!{verb.verb}(MISSING)"
        value = self.values[self.used]
        self.used += 1
        return verb.format(value)

    def _take(self, char: str) -> bool:
        if self.template[self.at : self.at + 1] != char:
            return False
        self.at += 1
        return True

    def _flags(self, verb: _Verb) -> None:
        while (char := self.template[self.at : self.at + 1]) and char in _FLAGS:
            setattr(verb, _FLAGS[char], True)
            self.at += 1
        verb.zero = verb.zero and not verb.left

    def _number(self) -> int | None:
        begin = self.at
        while self.template[self.at : self.at + 1].isdecimal():
            self.at += 1
        # fmt refuses widths that would only fill memory (tooLarge, one million).
        return min(int(self.template[begin : self.at]), 1_000_000) if self.at > begin else None

    def _argument(self) -> int:
        value = self.values[self.used] if self.used < len(self.values) else None
        self.used += 1
        return min(value, 1_000_000) if isinstance(value, int) else 0

    def _width(self, verb: _Verb) -> None:
        if self._take("*"):
            width = self._argument()
            verb.left = verb.left or width < 0
            verb.width = abs(width)
        else:
            verb.width = self._number() or 0

    def _precision(self, verb: _Verb) -> None:
        self._index()
        verb.precision = max(self._argument(), 0) if self._take("*") else self._number() or 0

    def _index(self) -> bool:
        """``[n]``: the next argument is the n-th. False if there is no such."""
        if not self._take("["):
            return True
        self.reordered = True
        number = self._number()
        if number is None or not self._take("]") or not 1 <= number <= len(self.values):
            return False
        self.used = number - 1
        return True


_FLAGS = {"+": "plus", "-": "left", "#": "alternate", " ": "space", "0": "zero"}
