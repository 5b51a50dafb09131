"""One line of comma-separated fields, as Go's encoding/csv reads it (``--mount``, ``--gpus``)."""

from scow.errors import InvalidArgumentError


def split_fields(line: str) -> list[str]:
    """The fields; one in quotation marks may hold commas, and ``""`` is a quotation mark inside it."""
    line = line.removesuffix("\n").removesuffix("\r")
    if not line:
        raise InvalidArgumentError("EOF")
    fields: list[str] = []
    position = 0
    while True:
        if line.startswith('"', position):
            field, position = _quoted_field(line, position)
        else:
            field, position = _plain_field(line, position)
        fields.append(field)
        if position >= len(line):
            return fields
        position += 1  # the comma


def _plain_field(line: str, start: int) -> tuple[str, int]:
    end = line.find(",", start)
    end = len(line) if end < 0 else end
    field = line[start:end]
    if '"' in field:
        raise _parse_error(line, start + field.index('"'), 'bare " in non-quoted-field')
    return field, end


def _quoted_field(line: str, start: int) -> tuple[str, int]:
    parts = []
    position = start + 1
    while True:
        end = line.find('"', position)
        if end < 0:
            raise _parse_error(line, len(line), 'extraneous or missing " in quoted-field')
        parts.append(line[position:end])
        if line.startswith('""', end):
            parts.append('"')
            position = end + 2
            continue
        if end + 1 < len(line) and line[end + 1] != ",":
            raise _parse_error(line, end, 'extraneous or missing " in quoted-field')
        return "".join(parts), end + 1


def _parse_error(line: str, position: int, reason: str) -> InvalidArgumentError:
    column = len(line[:position].encode()) + 1
    return InvalidArgumentError(f"parse error on line 1, column {column}: {reason}")
