"""Environment variables and labels, from options and from files of ``key=value`` lines."""

from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BLANKS = " \t"
_LINE_LIMIT = 64 * 1024
"""Bytes of a line of such a file; Go's line scanner gives up there too."""


def validate_env(text: str) -> str:
    """``--env NAME[=value]``; a name alone is looked up later, in the caller's environment."""
    if not text.partition("=")[0]:
        raise InvalidArgumentError(f"invalid environment variable: {text}")
    return text


def validate_label(text: str) -> str:
    """``--label key[=value]``."""
    key = text.partition("=")[0].lstrip(_BLANKS)
    if not key:
        raise InvalidArgumentError(f"invalid label '{text}': empty name")
    if any(blank in key for blank in _BLANKS):
        raise InvalidArgumentError(f"label '{key}' contains whitespaces")
    return text


def environment(files: "Iterable[str]", options: "Iterable[str]", environ: "Mapping[str, str]") -> list[str]:
    """The variables of ``files``, then those of ``options``.

    A name alone takes the caller's value; when there is none an option keeps the bare name (the engine
    removes the variable), a line of a file is left out.
    """
    variables = [line for path in files for line in read_lines(path, environ)]
    for text in options:
        bare = "=" not in text and text in environ
        variables.append(f"{text}={environ[text]}" if bare else text)
    return variables


def last_of_each_name(variables: list[str]) -> list[str]:
    """One entry a name, with the last value, where the name first stood."""
    return list({text.partition("=")[0]: text for text in variables}.values())


def labels(files: "Iterable[str]", options: "Iterable[str]") -> dict[str, str]:
    """Labels of ``files``, then of ``options``; the last value of a key counts."""
    lines = [line for path in files for line in read_lines(path, None)]
    return pairs([*lines, *options])


def pairs(texts: "Iterable[str]") -> dict[str, str]:
    """``key=value`` texts as a dict; no value is an empty one."""
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def read_lines(path: str, environ: "Mapping[str, str] | None") -> list[str]:
    """The ``key=value`` lines of a file; empty lines and those that begin with ``#`` do not count."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise InvalidArgumentError(f"open {path}: {(exc.strerror or str(exc)).lower()}") from exc
    try:
        return _parse_lines(data, environ)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid env file ({path}): {exc.message}") from exc


def _parse_lines(data: bytes, environ: "Mapping[str, str] | None") -> list[str]:
    lines = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if len(raw) >= _LINE_LIMIT:
            raise InvalidArgumentError("bufio.Scanner: token too long")
        try:
            line = raw.removesuffix(b"\r").decode().lstrip()
        except UnicodeDecodeError as exc:
            shown = " ".join(map(str, raw))
            raise InvalidArgumentError(f"invalid utf8 bytes at line {number}: [{shown}]") from exc
        if not line or line[0] == "#":
            continue
        key, equals, _ = line.partition("=")
        if not key:
            raise InvalidArgumentError(f"no variable name on line '{line}'")
        if any(blank in key for blank in _BLANKS):
            raise InvalidArgumentError(f"variable '{key}' contains whitespaces")
        if equals:
            lines.append(line)
        elif environ is not None and line in environ:
            lines.append(f"{key}={environ[line]}")
    return lines
