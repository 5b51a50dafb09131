"""The functions that bake has for expressions: those of cty's standard library, by its names.

Each raises InvalidArgumentError, or whatever Python raises for arguments that it does not take.
"""

import base64
import csv
import hashlib
import io
import ipaddress
import itertools
import json
import math
import os
import posixpath
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from scow.cli.bake.hcl_formats import format_date, format_text, format_texts, parse_moment, rfc3339, span_of
from scow.cli.bake.hcl_values import Value, equal, kind_of, plain, to_number, to_switch, to_text
from scow.errors import InvalidArgumentError

_GO_NAMED_GROUP = re.compile(r"\(\?<(?![=!])")
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\w+)|\$)")


def _digest(name: str) -> Callable[[Value], Value]:
    return lambda text: hashlib.new(name, to_text(text).encode()).hexdigest()


def _number(function: Callable[..., float]) -> Callable[..., Value]:
    return lambda *values: plain(function(*map(to_number, values)))


def _comparison(function: Callable[[float, float], bool]) -> Callable[[Value, Value], Value]:
    return lambda left, right: function(to_number(left), to_number(right))


def _distinct(items: list[Value]) -> list[Value]:
    found: list[Value] = []
    for item in items:
        if not any(equal(item, other) for other in found):
            found.append(item)
    return found


def _holds(items: list[Value], item: Value) -> bool:
    return any(equal(item, other) for other in items)


def _set(items: list[Value]) -> list[Value]:
    """Sets have no order: they come in order of their texts."""
    return sorted(_distinct(items), key=lambda it: (kind_of(it), str(it)))


def _flatten(items: list[Value]) -> list[Value]:
    found: list[Value] = []
    for item in items:
        found += _flatten(item) if isinstance(item, list) else [item]
    return found


def _coalesce(*values: Value) -> Value:
    for value in values:
        if value is not None:
            return value
    raise InvalidArgumentError("no non-null arguments")


def _coalesce_list(*values: list[Value]) -> Value:
    return next((it for it in values if it), [])


def _concat(*lists: Value) -> Value:
    if not all(isinstance(items, list) for items in lists):
        raise InvalidArgumentError("all arguments must be lists or tuples")
    return [item for items in lists for item in items]


def _element(items: list[Value], number: Value) -> Value:
    if not items:
        raise InvalidArgumentError("cannot use element function with an empty list")
    return items[int(to_number(number)) % len(items)]


def _substr(text: Value, offset: Value, length: Value) -> Value:
    whole, start, size = to_text(text), int(to_number(offset)), int(to_number(length))
    start = max(0, start + len(whole)) if start < 0 else start
    return whole[start:] if size < 0 else whole[start : start + size]


def _lookup(found: dict[str, Value], key: Value, default: Value) -> Value:
    return found.get(to_text(key), default)


def _index(found: Value, key: Value) -> Value:
    return found[int(to_number(key))] if isinstance(found, list) else found[to_text(key)]


def _has_index(found: Value, key: Value) -> bool:
    if isinstance(found, list):
        return kind_of(key) == "number" and 0 <= key < len(found)
    return isinstance(found, dict) and key in found


def _index_of(items: list[Value], item: Value) -> int:
    for number, other in enumerate(items):
        if equal(item, other):
            return number
    raise InvalidArgumentError("item not found")


def _pattern(text: Value) -> re.Pattern[str]:
    try:
        return re.compile(_GO_NAMED_GROUP.sub("(?P<", to_text(text)))
    except re.error as exc:
        raise InvalidArgumentError(f"invalid regular expression pattern: {exc}") from exc


def _captured(match: re.Match[str]) -> Value:
    if match.re.groupindex:
        return match.groupdict()
    return list(match.groups()) if match.re.groups else match[0]


def _regex(pattern: Value, text: Value) -> Value:
    match = _pattern(pattern).search(to_text(text))
    if match is None:
        raise InvalidArgumentError("pattern did not match any part of the given string")
    return _captured(match)


def _regex_replace(text: Value, pattern: Value, by: Value) -> Value:
    template = to_text(by)

    def expanded(match: re.Match[str]) -> str:
        return _REFERENCE.sub(lambda found: _group(match, found), template)

    return _pattern(pattern).sub(expanded, to_text(text))


def _group(match: re.Match[str], reference: re.Match[str]) -> str:
    """What a ``$name`` means, as to Go's Regexp.Expand: nothing for a group that is not there."""
    name = reference[1] or reference[2]
    if name is None:
        return "$"
    try:
        return match[int(name) if name.isdecimal() else name] or ""
    except IndexError:
        return ""


def _range(*limits: Value) -> Value:
    start, end, step = 0.0, 0.0, 0.0
    numbers = [to_number(it) for it in limits]
    start, end = (0, numbers[0]) if len(numbers) == 1 else numbers[:2]
    step = numbers[2] if len(numbers) > 2 else (1 if start <= end else -1)
    if step == 0 or abs((end - start) / step) > 1024:
        raise InvalidArgumentError("more than 1024 values were generated")
    count = max(0, math.ceil((end - start) / step))
    return [plain(start + number * step) for number in range(count)]


def _csv(text: Value) -> Value:
    return [dict(row) for row in csv.DictReader(io.StringIO(to_text(text)), strict=True)]


def _merge(*objects: dict[str, Value]) -> Value:
    return {key: value for found in objects for key, value in (found or {}).items()}


def _slice(items: list[Value], start: Value, end: Value) -> Value:
    first, last = int(to_number(start)), int(to_number(end))
    if not 0 <= first <= last <= len(items):
        raise InvalidArgumentError("start and end are not within the list")
    return items[first:last]


def _chunks(items: list[Value], size: Value) -> Value:
    step = int(to_number(size)) or len(items) or 1
    return [items[at : at + step] for at in range(0, len(items), step)]


def _indent(spaces: Value, text: Value) -> Value:
    return to_text(text).replace("\n", "\n" + " " * int(to_number(spaces)))


def _sanitize(text: Value) -> Value:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", to_text(text))


def _parse_int(text: Value, base: Value) -> Value:
    try:
        return int(to_text(text), int(to_number(base)))
    except ValueError as exc:
        raise InvalidArgumentError(f'cannot parse "{text}" as a base {base} integer') from exc


def _cidr_host(prefix: Value, number: Value) -> Value:
    network = ipaddress.ip_network(to_text(prefix), strict=False)
    return str(network[int(to_number(number))])


def _cidr_subnet(prefix: Value, bits: Value, number: Value) -> Value:
    network = ipaddress.ip_network(to_text(prefix), strict=False)
    more = int(to_number(bits))
    size = network.max_prefixlen - network.prefixlen - more
    base = int(network.network_address) + (int(to_number(number)) << size)
    return f"{ipaddress.ip_address(base)}/{network.prefixlen + more}"


def _version_part(text: str) -> tuple[tuple[int, ...], list[tuple[int, int, str]]]:
    core, _, extra = text.removeprefix("v").partition("+")[0].partition("-")
    numbers = [int(part) for part in core.split(".")]
    parts = [(0, int(it), "") if it.isdigit() else (1, 0, it) for it in extra.split(".")] if extra else []
    return tuple(numbers + [0] * (3 - len(numbers))), parts or [(2, 0, "")]


def _version_holds(version: Value, constraint: Value) -> Value:
    """Constraints as ``>= 1.2, < 2``; alternatives are joined by ``||``."""
    mine = _version_part(to_text(version))
    tests: dict[str, Callable[[Value], bool]] = {
        "": lambda it: mine == it, "=": lambda it: mine == it, "!=": lambda it: mine != it,
        ">": lambda it: mine > it, "<": lambda it: mine < it, ">=": lambda it: mine >= it,
        "<=": lambda it: mine <= it, "^": lambda it: mine >= it and mine[0][0] == it[0][0],
        "~": lambda it: mine >= it and mine[0][:2] == it[0][:2],
    }  # fmt: skip
    for alternative in to_text(constraint).split("||"):
        found = re.findall(r"([=!<>^~]*)\s*v?([0-9][\w.+-]*)", alternative)
        if found and all(tests[operator](_version_part(text)) for operator, text in found):
            return True
    return False


def _trimmed_space(text: Value) -> Value:
    return to_text(text).strip()


_SPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "absolute": _number(abs),
    "add": _number(lambda left, right: left + right),
    "and": lambda left, right: to_switch(left) and to_switch(right),
    "base64decode": lambda text: base64.b64decode(to_text(text), validate=True).decode(),
    "base64encode": lambda text: base64.b64encode(to_text(text).encode()).decode(),
    "basename": lambda path: posixpath.basename(to_text(path).rstrip("/")) or to_text(path),
    "byteslen": lambda text: len(to_text(text).encode()),
    "ceil": _number(math.ceil),
    "chomp": lambda text: to_text(text).rstrip("\r\n"),
    "chunklist": _chunks,
    "cidrhost": _cidr_host,
    "cidrnetmask": lambda prefix: str(ipaddress.ip_network(to_text(prefix), strict=False).netmask),
    "cidrsubnet": _cidr_subnet,
    "coalesce": _coalesce,
    "coalescelist": _coalesce_list,
    "compact": lambda items: [it for it in items if it],
    "concat": _concat,
    "contains": _holds,
    "csvdecode": _csv,
    "dirname": lambda path: posixpath.dirname(to_text(path)) or ".",
    "distinct": _distinct,
    "divide": _number(lambda left, right: left / right),
    "element": _element,
    "equal": equal,
    "flatten": _flatten,
    "floor": _number(math.floor),
    "format": format_text,
    "formatdate": format_date,
    "formatlist": format_texts,
    "formattimestamp": format_date,
    "greaterthan": _comparison(lambda left, right: left > right),
    "greaterthanorequalto": _comparison(lambda left, right: left >= right),
    "hasindex": _has_index,
    "homedir": lambda: os.path.expanduser("~"),
    "indent": _indent,
    "index": _index,
    "indexof": _index_of,
    "int": _number(math.trunc),
    "join": lambda by, *lists: to_text(by).join(to_text(it) for items in lists for it in items),
    "jsondecode": lambda text: json.loads(to_text(text)),
    "jsonencode": lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False),
    "keys": sorted,
    "length": len,
    "lessthan": _comparison(lambda left, right: left < right),
    "lessthanorequalto": _comparison(lambda left, right: left <= right),
    "log": _number(math.log),
    "lookup": _lookup,
    "lower": lambda text: to_text(text).lower(),
    "max": _number(max),
    "md5": _digest("md5"),
    "merge": _merge,
    "min": _number(min),
    "modulo": _number(lambda left, right: left - right * int(left / right)),
    "multiply": _number(lambda left, right: left * right),
    "negate": _number(lambda value: -value),
    "not": lambda value: not to_switch(value),
    "notequal": lambda left, right: not equal(left, right),
    "or": lambda left, right: to_switch(left) or to_switch(right),
    "parseint": _parse_int,
    "pow": _number(lambda base, power: base**power),
    "range": _range,
    "regex": _regex,
    "regex_replace": _regex_replace,
    "regexall": lambda pattern, text: [_captured(it) for it in _pattern(pattern).finditer(to_text(text))],
    "replace": lambda text, old, new: to_text(text).replace(to_text(old), to_text(new)),
    "reverse": lambda text: to_text(text)[::-1],
    "reverselist": lambda items: items[::-1],
    "sanitize": _sanitize,
    "semvercmp": _version_holds,
    "sethaselement": _holds,
    "setintersection": lambda first, *others: _set(
        [it for it in first if all(_holds(o, it) for o in others)]
    ),
    "setproduct": lambda *lists: [list(it) for it in itertools.product(*lists)],
    "setsubtract": lambda left, right: _set([it for it in left if not _holds(right, it)]),
    "setsymmetricdifference": lambda left, right: _set(
        [it for it in [*left, *right] if _holds(left, it) != _holds(right, it)]
    ),
    "setunion": lambda *lists: _set([it for items in lists for it in items]),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
    "signum": _number(lambda value: (value > 0) - (value < 0)),
    "slice": _slice,
    "sort": lambda items: sorted(map(to_text, items)),
    "split": lambda by, text: to_text(text).split(to_text(by)) if by else list(to_text(text)),
    "strlen": lambda text: len(to_text(text)),
    "substr": _substr,
    "subtract": _number(lambda left, right: left - right),
    "timeadd": lambda moment, span: rfc3339(parse_moment(to_text(moment)) + span_of(to_text(span))),
    "timestamp": lambda: rfc3339(datetime.now(UTC)),
    "title": lambda text: re.sub(r"(?<!\w)\w", lambda it: it[0].upper(), to_text(text)),
    "trim": lambda text, letters: to_text(text).strip(to_text(letters)),
    "trimprefix": lambda text, front: to_text(text).removeprefix(to_text(front)),
    "trimspace": _trimmed_space,
    "trimsuffix": lambda text, back: to_text(text).removesuffix(to_text(back)),
    "upper": lambda text: to_text(text).upper(),
    "urlencode": lambda text: _quoted(to_text(text)),
    "uuidv4": lambda: str(uuid.uuid4()),
    "uuidv5": lambda space, name: str(uuid.uuid5(_SPACES.get(space) or uuid.UUID(space), name)),
    "values": lambda found: [found[key] for key in sorted(found)],
    "zipmap": lambda keys, values: dict(zip(map(to_text, keys), values, strict=True)),
}


def _quoted(text: str) -> str:
    from urllib.parse import quote_plus

    return quote_plus(text)
