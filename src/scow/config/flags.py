"""dockerd's command line: pflag's grammar over the table of options.

``--flag=value``, ``--flag value``, ``--switch``, ``--switch=false``, ``-l value``, ``-lvalue``, ``-l=value``,
``-Dl value``; ``--`` ends flags. Repeating a list adds to it; of anything else, the last counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scow.config import values
from scow.config.options import BY_FLAG, BY_SHORT, CONFIG_FILE, OPTIONS, Option
from scow.errors import InvalidArgumentError

_CONFIG_FILE = Option("config-file", values.TEXT, "Daemon configuration file", CONFIG_FILE)
_VALIDATE = Option("validate", values.SWITCH, "Validate daemon configuration and exit", False)
_HELP = Option("help", values.SWITCH, "Print usage", False, short="h")
_VERSION = Option("version", values.SWITCH, "Print version information and quit", False, short="v")
_COMMAND_LINE_ONLY = (_CONFIG_FILE, _VALIDATE, _HELP, _VERSION)

_LONG = BY_FLAG | {option.flag: option for option in _COMMAND_LINE_ONLY}
_SHORT = BY_SHORT | {option.short: option for option in _COMMAND_LINE_ONLY if option.short}


@dataclass(slots=True)
class CommandLine:
    """What was given: option by option in ``given``, and the four that are no settings."""

    given: dict[str, Any] = field(default_factory=dict)

    @property
    def config_file(self) -> str | None:
        """The file named by ``--config-file``."""
        value: str | None = self.given.get(_CONFIG_FILE.flag)
        return value

    @property
    def validate(self) -> bool:
        """``--validate``: check and leave."""
        return bool(self.given.get(_VALIDATE.flag))

    @property
    def help(self) -> bool:
        """``--help``."""
        return bool(self.given.get(_HELP.flag))

    @property
    def version(self) -> bool:
        """``--version``."""
        return bool(self.given.get(_VERSION.flag))

    def settings(self) -> dict[str, Any]:
        """The settings given, by their names in daemon.json, in the order of their flags' names."""
        return {BY_FLAG[flag].name: self.given[flag] for flag in sorted(self.given) if flag in BY_FLAG}

    def _set(self, option: Option, shown: str, text: str) -> None:
        try:
            value = option.kind.parse(text)
        except ValueError as exc:
            raise _usage(f'invalid argument {values.quoted(text)} for "{shown}" flag: {exc}') from None
        old = self.given.get(option.flag)
        self.given[option.flag] = value if old is None else option.kind.add(old, value)


def parse_flags(argv: Sequence[str]) -> CommandLine:
    """Read a command line without its program. Raises InvalidArgumentError with dockerd's messages."""
    line = CommandLine()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            _refuse_arguments(rest)
            break
        if word.startswith("--"):
            _read_long(line, word, rest)
        elif word.startswith("-") and word != "-":
            _read_short(line, word, rest)
        else:
            _refuse_arguments([word])
    return line


def _refuse_arguments(words: Sequence[str]) -> None:
    if words:
        raise InvalidArgumentError(
            '"scowd" accepts no argument(s).\n'
            "See 'scowd --help'.\n\n"
            "Usage:  scowd [OPTIONS]\n\n"
            "A self-sufficient runtime for containers."
        )


def _read_long(line: CommandLine, word: str, rest: list[str]) -> None:
    name, assigned, value = word[2:].partition("=")
    option = _LONG.get(name)
    if option is None:
        raise _usage(f"unknown flag: --{name}")
    if not assigned:
        value = "true" if option.kind is values.SWITCH else _next(rest, f"--{name}")
    line._set(option, _both_names(option), value)


def _read_short(line: CommandLine, word: str, rest: list[str]) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        option = _SHORT.get(letter)
        if option is None:
            raise _usage(f"unknown shorthand flag: {_rune(letter)} in {word}")
        if letters.startswith("="):
            value, letters = letters[1:], ""
        elif option.kind is values.SWITCH:
            value = "true"
        elif letters:
            value, letters = letters, ""
        else:
            value = _next(rest, f"{_rune(letter)} in {word}")
        line._set(option, _both_names(option), value)


def _next(rest: list[str], shown: str) -> str:
    if not rest:
        raise _usage(f"flag needs an argument: {shown}")
    return rest.pop(0)


def _rune(letter: str) -> str:
    return f"'{letter}'"


def _both_names(option: Option) -> str:
    return f"-{option.short}, --{option.flag}" if option.short else f"--{option.flag}"


def _usage(message: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{message}\nSee 'scowd --help'.")


def help_text() -> str:
    """What ``--help`` prints."""
    options = sorted((o for o in (*OPTIONS, *_COMMAND_LINE_ONLY) if o.flag), key=lambda option: option.flag)
    names = [
        (f"-{o.short}, " if o.short else "    ") + f"--{o.flag}" + (f" {o.kind.name}" if o.kind.name else "")
        for o in options
    ]
    width = max(map(len, names)) + 3
    lines = [
        f"  {name:<{width}}{option.help}{_default(option)}"
        for name, option in zip(names, options, strict=True)
    ]
    head = "\nUsage:  scowd [OPTIONS]\n\nA self-sufficient runtime for containers.\n\nOptions:\n"
    return head + "\n".join(lines) + "\n"


def _default(option: Option) -> str:
    """Shown where it says something, as pflag does."""
    if option.only == (option.default,) and option in OPTIONS:
        return " (not supported by this version)"
    if not option.default:
        return ""
    text = f'"{option.default}"' if option.kind is values.TEXT else values.shown(option.default)
    return f" (default {text})"
