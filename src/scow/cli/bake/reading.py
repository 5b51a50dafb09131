"""Definition files: which are read, what each is, and what all of them together say."""

import os
import sys
from collections.abc import Mapping, Sequence

from scow.cli.bake.compose_targets import compose_document, compose_targets, environment_of
from scow.cli.bake.definitions import Definitions, Written
from scow.cli.bake.hcl_json import parse_json
from scow.cli.bake.hcl_nodes import Body, HclError, Source
from scow.cli.bake.hcl_parser import parse_hcl
from scow.cli.exits import CommandError
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_FILES = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
)
_MAX_FILE_BYTES = 16 << 20


def read_files(names: Sequence[str]) -> list[Source]:
    """Those that are named, or those of the usual names that are there, in order. Raises CommandError."""
    wanted = names or [name for name in DEFAULT_FILES if os.path.exists(name)]
    sources = [_read(name) for name in wanted]
    if not sources:
        raise CommandError("ERROR: couldn't find a bake definition")
    return sources


def _read(name: str) -> Source:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(_MAX_FILE_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise CommandError(f"ERROR: open {name}: {(exc.strerror or '').lower()}") from exc
    if len(data) > _MAX_FILE_BYTES:
        raise CommandError(f"ERROR: {name} is larger than {_MAX_FILE_BYTES} bytes")
    return Source(name, data.decode("utf-8", "replace"))


def written_in(sources: Sequence[Source], environ: Mapping[str, str], known: Mapping[str, str]) -> Written:
    """What the files say. Raises CommandError, with the lines in question."""
    bodies: list[tuple[Source, Body]] = []
    documents: list[dict[str, Any]] = []
    try:
        for source in sources:
            document = _compose(source)
            if document is not None:
                documents.append(document)
            else:
                bodies.append((source, _body(source)))
        found = compose_targets(documents, environment_of(".", environ)) if documents else Written()
        if bodies:
            _add(found, Definitions(bodies, environ, known).written())
    except HclError as exc:
        raise CommandError(_told(exc)) from exc
    except InvalidArgumentError as exc:
        raise CommandError(f"ERROR: failed to parse compose file: {exc.message}") from exc
    return found


def _compose(source: Source) -> "dict[str, Any] | None":
    lower = source.name.lower()
    if lower.endswith((".hcl", ".json")):
        return None
    is_yaml = lower.endswith((".yml", ".yaml"))
    try:
        document = compose_document(source.text)
    except InvalidArgumentError:
        if is_yaml:
            raise
        return None
    if document is None and is_yaml:
        raise InvalidArgumentError(f"{source.name}: empty compose file")
    return document


def _body(source: Source) -> Body:
    try:
        is_json = source.name.lower().endswith(".json") or (
            not source.name.lower().endswith(".hcl") and source.text.lstrip().startswith("{")
        )
        return parse_json(source.text) if is_json else parse_hcl(source.text)
    except HclError as exc:
        exc.source = exc.source or source
        raise


def _add(found: Written, more: Written) -> None:
    """Definitions of bake come after those of Compose files."""
    for name, fields in more.targets.items():
        found.targets.setdefault(name, []).extend(fields)
    found.groups |= more.groups
    found.variables |= more.variables


def _told(error: HclError) -> str:
    """The lines around it, marked, then where and what."""
    source = error.source
    if source is None or error.at < 0:
        return f"ERROR: {source.name + ': ' if source else ''}{error.summary}; {error.detail}"
    first, column = _place(source.text, error.at)
    last, last_column = _place(source.text, error.end)
    lines = source.text.split("\n")
    shown = [f"{source.name}:{first}", "-" * 20]
    for number in range(max(1, first - 2), min(len(lines), last + 2) + 1):
        mark = ">>>" if first <= number <= last else "   "
        shown.append(f"{number:4} | {mark} {lines[number - 1]}")
    end = f"{last_column}" if first == last else f"{last},{last_column}"
    return "\n".join(
        [*shown, "-" * 20, f"ERROR: {source.name}:{first},{column}-{end}: {error.summary}; {error.detail}"]
    )


def _place(text: str, at: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
