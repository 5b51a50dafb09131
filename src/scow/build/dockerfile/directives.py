"""Parser directives: ``# syntax=``, ``# escape=``, ``# check=`` at the very top of a Dockerfile."""

import re
from dataclasses import dataclass

from scow.build.dockerfile.source import Location, Source, TextError

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_KNOWN = ("syntax", "escape", "check")


@dataclass(frozen=True, slots=True)
class Directives:
    """What they say; ``check`` as it is written (see ``scow.build.checks.settings``)."""

    escape: str = "\\"
    syntax: str = ""
    check: str = ""
    lines: int = 0
    """How many lines at the top they are."""


def read_directives(source: Source) -> Directives:
    """Those of ``source``; any other line ends them. Raises TextError."""
    found: dict[str, tuple[str, Location]] = {}
    for number, line in enumerate(source.lines, 1):
        match = _DIRECTIVE.fullmatch(line.removeprefix("\ufeff").strip()) if line.strip() else None
        if match is None or match[1].lower() not in _KNOWN:
            break
        name, here = match[1].lower(), Location(number, number)
        if name in found:
            raise TextError(f"only one {name} parser directive can be used", source, here, match[1])
        found[name] = (match[2], here)
    escape, here = found.get("escape", ("\\", Location(1, 1)))
    if escape not in ("\\", "`"):
        what = f"invalid escape token '{escape}' does not match ` or \\"
        raise TextError(what, source, here, escape)
    return Directives(
        escape=escape,
        syntax=found.get("syntax", ("", here))[0],
        check=found.get("check", ("", here))[0],
        lines=len(found),
    )
