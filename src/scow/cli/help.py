"""Help pages in Docker's layout, made from the same tables that the parser reads."""

import os

from scow.cli.command import Command
from scow.cli.flags import BOOL, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_DEFAULT_WIDTH = 80
_SLOP = 5
"""Columns by which pflag lets a line run over rather than wrap a short rest."""
_NARROWEST = 24

OWN_HELP = Flag("help", BOOL, "Print usage")


def command_page(program: str, name: str, command: Command) -> str:
    """The page of a verb; ``name`` is its canonical path, ``container ls``."""
    parts = [f"Usage:  {usage_line(program, name, command)}", command.long]
    if command.spellings:
        parts.append("Aliases:\n  " + ", ".join(f"{program} {spelling}" for spelling in command.spellings))
    flags = command.flags + ((OWN_HELP,) if command.own_help else ())
    if any(not flag.hidden for flag in flags):
        parts.append("Options:\n" + flag_lines(flags))
    return "\n\n".join(parts) + "\n"


def usage_line(program: str, name: str, command: Command) -> str:
    """``scow run [OPTIONS] IMAGE …``."""
    return f"{program} {name} {command.synopsis}".rstrip()


def group_page(title: str, about: str, sections: "list[tuple[str, list[tuple[str, str]]]]") -> str:
    """The page of a noun or of the program, up to its options; ``sections`` have rows of (name, short)."""
    parts = [f"Usage:  {title}", about]
    for heading, rows in sections:
        lines = [f"  {name.ljust(11)} {short}".rstrip() for name, short in rows]
        parts.append("\n".join([f"{heading}:", *lines]))
    return "\n\n".join(parts)


def flag_lines(flags: "Iterable[Flag]") -> str:
    """The options sorted by name, wrapped to the terminal of standard input as pflag does."""
    rows = [(_flag_head(flag), _flag_usage(flag)) for flag in sorted(flags, key=_name) if not flag.hidden]
    indent = max(len(head) for head, _ in rows) + 3
    width = _terminal_width() - 1
    return "\n".join(head.ljust(indent) + _wrap(indent, width, usage) for head, usage in rows)


def _name(flag: Flag) -> str:
    return flag.name


def _flag_head(flag: Flag) -> str:
    head = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
    return f"{head} {flag.kind.name}" if flag.kind.name else head


def _flag_usage(flag: Flag) -> str:
    default = flag.default_text()
    return f"{flag.usage} (default {default})" if default else flag.usage


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(0).columns
    except OSError:
        return _DEFAULT_WIDTH


def _wrap(indent: int, width: int, text: str) -> str:
    margin = "\n" + " " * indent
    lead = ""
    room = width - indent
    if room < _NARROWEST:
        margin = lead = "\n" + " " * 16
        room = width - 16
    if room < _NARROWEST:
        return text.replace("\n", margin)
    room -= _SLOP
    line, text = _split_line(room, text)
    lines = [line]
    while text:
        line, text = _split_line(room, text)
        lines.append(line)
    return lead + margin.join(line.replace("\n", margin) for line in lines)


def _split_line(room: int, text: str) -> tuple[str, str]:
    if room + _SLOP > len(text):
        return text, ""
    head = text[:room]
    space = max(head.rfind(char) for char in " \t\n")
    if space <= 0:
        return text, ""
    newline = head.rfind("\n")
    if 0 < newline < space:
        space = newline
    return text[:space], text[space + 1 :]
