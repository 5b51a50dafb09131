"""pflag's grammar: ``--name=value``, ``--name value``, ``-n value``, ``-nvalue``, ``-itn value``, ``--``.

Errors have pflag's words. A boolean takes its value only behind ``=``.
"""

from scow.cli.flags import Flag, Flags
from scow.cli.go_values import quote
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class UnknownFlagError(InvalidArgumentError):
    """An option that the command does not have; ``name`` is a long name or a single letter."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


def parse_flags(flags: "Iterable[Flag]", argv: list[str], *, interspersed: bool = True) -> Flags:
    """Read ``argv``; with ``interspersed`` off options end at the first argument that is none.

    Raises InvalidArgumentError with pflag's message.
    """
    return _Parse(flags, argv).run(interspersed=interspersed)


class _Parse:
    def __init__(self, flags: "Iterable[Flag]", argv: list[str]) -> None:
        self._argv = argv
        self._next = 0
        self._values = Flags()
        self._long: dict[str, Flag] = {}
        self._short: dict[str, Flag] = {}
        for flag in flags:
            self._long[flag.name] = flag
            if flag.short:
                self._short[flag.short] = flag
            if flag.dest not in self._values:
                self._values[flag.dest] = flag.kind.zero() if flag.default is None else flag.default

    def run(self, *, interspersed: bool) -> Flags:
        values = self._values
        while self._next < len(self._argv):
            word = self._argv[self._next]
            self._next += 1
            if len(word) < 2 or word[0] != "-":
                values.arguments.append(word)
                if not interspersed:
                    break
            elif word == "--":
                break
            elif word[1] == "-":
                self._long_flag(word)
            else:
                self._short_flags(word[1:])
        values.arguments += self._argv[self._next :]
        return values

    def _long_flag(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        if not name or name[0] == "-":
            raise InvalidArgumentError(f"bad flag syntax: {word}")
        flag = self._long.get(name)
        if flag is None:
            raise UnknownFlagError(f"unknown flag: --{name}", name)
        if not equals:
            value = self._value_behind(flag, word)
        self._set(flag, value)

    def _short_flags(self, letters: str) -> None:
        while letters:
            flag = self._short.get(letters[0])
            if flag is None:
                message = f"unknown shorthand flag: {quote(letters[0], chr(39))} in -{letters}"
                raise UnknownFlagError(message, letters[0])
            if len(letters) > 2 and letters[1] == "=":
                self._set(flag, letters[2:])
                return
            if not flag.kind.takes_value:
                self._set(flag, "true")
                letters = letters[1:]
                continue
            value = letters[1:] or self._value_behind(flag, f"{quote(letters[0], chr(39))} in -{letters}")
            self._set(flag, value)
            return

    def _value_behind(self, flag: Flag, spelling: str) -> str:
        if not flag.kind.takes_value:
            return "true"
        if self._next >= len(self._argv):
            raise InvalidArgumentError(f"flag needs an argument: {spelling}")
        self._next += 1
        return self._argv[self._next - 1]

    def _set(self, flag: Flag, text: str) -> None:
        values, kind = self._values, flag.kind
        try:
            value = kind.parse(text)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(
                f'invalid argument {quote(text)} for "{flag.spelling}" flag: {exc.message}'
            ) from exc
        if kind.combine is not None:
            old = values[flag.dest] if flag.dest in values.changed else kind.zero()
            value = kind.combine(old, value)
        values[flag.dest] = value
        values.changed.add(flag.dest)
        if kind.warning and (warning := kind.warning(text)):
            values.warnings.append(warning)
        if flag.deprecated:
            spelling = f"shorthand {flag.name}" if flag.name[0] == "-" else f"--{flag.name}"
            values.notices.append(f"Flag {spelling} has been deprecated, {flag.deprecated}")
