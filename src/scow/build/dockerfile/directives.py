"""Parser directives: ``# syntax=``, ``# escape=``, ``# check=`` at the very top of a Dockerfile."""

import re
from dataclasses import dataclass

from scow.build.dockerfile.source import Location, Source, TextError
from scow.spec.go_bool import FALSE, TRUE

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_KNOWN = ("syntax", "escape", "check")


@dataclass(frozen=True, slots=True)
class Directives:
    """What they say. ``skip`` has rules' names, or ``all``; ``check_error`` makes warnings failures."""

    escape: str = "\\"
    syntax: str = ""
    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    check_error: bool = False


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
    check = _read_check(source, *found["check"]) if "check" in found else Directives()
    return Directives(
        escape=escape,
        syntax=found.get("syntax", ("", here))[0],
        skip=check.skip,
        experimental=check.experimental,
        check_error=check.check_error,
    )


def _read_check(source: Source, text: str, here: Location) -> Directives:
    """``skip=Rule,Rule;error=true;experimental=Rule``."""
    values: dict[str, str] = {}
    for part in text.split(";"):
        key, equals, value = (it.strip() for it in part.partition("="))
        if not equals or key.lower() not in ("skip", "error", "experimental"):
            raise TextError(f"invalid check option {part.strip()!r}", source, here, part.strip())
        values[key.lower()] = value
    error = values.get("error", "false")
    if error not in TRUE | FALSE:
        raise TextError(
            f'failed to parse check option "error": invalid boolean "{error}"', source, here, error
        )
    return Directives(
        skip=_names(values.get("skip", "")),
        experimental=_names(values.get("experimental", "")),
        check_error=error in TRUE,
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, (name.strip() for name in text.split(","))))
