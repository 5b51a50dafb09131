"""Statements become typed instructions: one function for each, by the instruction's word."""

from collections.abc import Callable
from typing import TypedDict

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.flags import Flags, Kind, suggestion
from scow.build.dockerfile.instructions import Command, Instruction, Pair
from scow.build.dockerfile.logical_lines import LogicalLine, read_lines
from scow.build.dockerfile.source import Location, Source, valid_text
from scow.build.dockerfile.statements import Statement, parse_statement
from scow.errors import InvalidArgumentError
from scow.spec.go_duration import parse_duration

_MIN_HEALTH_NS = 10**6  # Docker's: shorter would be a typing error
_MAX_RETRIES = (1 << 31) - 1
_COPY_FLAGS: dict[str, Kind] = {
    "from": "text",
    "chown": "text",
    "chmod": "text",
    "link": "boolean",
    "parents": "boolean",
    "exclude": "list",
}
_ADD_FLAGS: dict[str, Kind] = {
    **{name: kind for name, kind in _COPY_FLAGS.items() if name not in ("from", "parents")},
    "checksum": "text",
    "keep-git-dir": "boolean",
    "unpack": "boolean",
}
_RUN_FLAGS: dict[str, Kind] = {"mount": "list", "network": "text", "security": "text", "device": "list"}
_HEALTH_FLAGS: dict[str, Kind] = {
    "interval": "text",
    "timeout": "text",
    "start-period": "text",
    "start-interval": "text",
    "retries": "text",
}


class _Place(TypedDict):
    """What every instruction has."""

    location: Location
    word: str
    text: str
    comments: tuple[str, ...]


_Reader = Callable[[Statement, _Place], Instruction]


def read_instruction(statement: Statement) -> Instruction:
    """Any instruction but FROM. Raises InvalidArgumentError with Docker's messages."""
    read = _READERS.get(statement.keyword)
    if read is None:
        near = suggestion(statement.word, [*_READERS, "from"])
        raise InvalidArgumentError(f"unknown instruction: {statement.word}{_in_capitals(near)}")
    written = statement.line.text.strip().split(None, 1)
    text = written[1] if len(written) > 1 else ""
    place: _Place = {
        "location": statement.location,
        "word": statement.word,
        "text": text,
        "comments": statement.line.comments,
    }
    return read(statement, place)


def _in_capitals(near: str) -> str:
    """The suggested word, as instructions are usually written."""
    front, mark, word = near.partition("mean ")
    return front + mark + word.upper()


def read_trigger(text: str, location: Location, escape: str = "\\") -> Instruction:
    """The instruction of an ``ONBUILD``, which takes effect at ``location``.

    Raises InvalidArgumentError with Docker's messages.
    """
    line = next(read_lines(Source.of(text), escape), None)
    if line is None:
        raise InvalidArgumentError("ONBUILD requires at least one argument")
    return read_instruction(parse_statement(LogicalLine(line.text, location, line.heredocs), escape))


def _no_flags(statement: Statement) -> None:
    Flags(statement.flags, {})


def _at_least_one(statement: Statement) -> None:
    _no_flags(statement)
    if not statement.values:
        raise InvalidArgumentError(f"{statement.word.upper()} requires at least one argument")


def _exactly_one(statement: Statement) -> str:
    _no_flags(statement)
    if len(statement.values) != 1:
        raise InvalidArgumentError(f"{statement.word.upper()} requires exactly one argument")
    return statement.values[0]


def _command(statement: Statement) -> Command:
    return Command(words=statement.values, shell=not statement.is_json)


def _pairs(statement: Statement) -> tuple[Pair, ...]:
    _at_least_one(statement)
    values = statement.values
    pairs = []
    for at in range(0, len(values), 3):
        if not values[at]:
            raise InvalidArgumentError(f"{statement.word.upper()} names can not be blank")
        pairs.append(Pair(name=values[at], value=values[at + 1], legacy=not values[at + 2]))
    return tuple(pairs)


def _env(statement: Statement, place: _Place) -> Instruction:
    return it.Env(**place, pairs=_pairs(statement))


def _label(statement: Statement, place: _Place) -> Instruction:
    return it.Label(**place, pairs=_pairs(statement))


def _arg(statement: Statement, place: _Place) -> Instruction:
    _at_least_one(statement)
    arguments: list[tuple[str, str | None]] = []
    for word in statement.values:
        name, equals, value = word.partition("=")
        if not name:
            raise InvalidArgumentError("ARG names can not be blank")
        arguments.append((name, value if equals else None))
    return it.Arg(**place, arguments=tuple(arguments))


def _maintainer(statement: Statement, place: _Place) -> Instruction:
    return it.Maintainer(**place, name=_exactly_one(statement))


def _run(statement: Statement, place: _Place) -> Instruction:
    flags = Flags(statement.flags, _RUN_FLAGS)
    network, security = flags.text("network"), flags.text("security")
    if network not in ("", "default", "none", "host"):
        raise InvalidArgumentError(f'invalid network mode "{network}"')
    if security not in ("", "sandbox", "insecure"):
        raise InvalidArgumentError(f"security {security!r} is not valid".replace("'", '"'))
    return it.Run(
        **place,
        command=_command(statement),
        heredocs=statement.heredocs,
        mounts=flags.all("mount"),
        network=network,
        security=security,
        devices=flags.all("device"),
    )


def _cmd(statement: Statement, place: _Place) -> Instruction:
    _no_flags(statement)
    return it.Cmd(**place, command=_command(statement))


def _entrypoint(statement: Statement, place: _Place) -> Instruction:
    _no_flags(statement)
    return it.Entrypoint(**place, command=_command(statement))


def _shell(statement: Statement, place: _Place) -> Instruction:
    _no_flags(statement)
    if not statement.values:
        raise InvalidArgumentError("SHELL requires at least one argument")
    if not statement.is_json:
        raise InvalidArgumentError("SHELL requires the arguments to be in JSON form")
    return it.Shell(**place, words=statement.values)


def _expose(statement: Statement, place: _Place) -> Instruction:
    _at_least_one(statement)
    return it.Expose(**place, ports=statement.values)


def _volume(statement: Statement, place: _Place) -> Instruction:
    _at_least_one(statement)
    paths = tuple(path.strip() for path in statement.values)
    if not all(paths):
        raise InvalidArgumentError("VOLUME specified can not be an empty string")
    return it.Volume(**place, paths=paths)


def _user(statement: Statement, place: _Place) -> Instruction:
    return it.User(**place, user=_exactly_one(statement))


def _workdir(statement: Statement, place: _Place) -> Instruction:
    return it.Workdir(**place, path=_exactly_one(statement))


def _stop_signal(statement: Statement, place: _Place) -> Instruction:
    return it.StopSignal(**place, signal=_exactly_one(statement))


def _healthcheck(statement: Statement, place: _Place) -> Instruction:
    if not statement.values:
        raise InvalidArgumentError("HEALTHCHECK requires at least one argument")
    kind, *command = statement.values
    kind = kind.upper()
    if kind == it.DISABLED:
        if command:
            raise InvalidArgumentError("HEALTHCHECK NONE takes no arguments")
        return it.Healthcheck(**place, command=None)
    flags = Flags(statement.flags, _HEALTH_FLAGS)
    if kind != "CMD":
        raise InvalidArgumentError(f'Unknown type "{kind}" in HEALTHCHECK (try CMD)')
    if not command:
        raise InvalidArgumentError("Missing command after HEALTHCHECK CMD")
    return it.Healthcheck(
        **place,
        command=Command(words=tuple(command), shell=not statement.is_json),
        interval_ns=_health_time(flags, "interval"),
        timeout_ns=_health_time(flags, "timeout"),
        start_period_ns=_health_time(flags, "start-period"),
        start_interval_ns=_health_time(flags, "start-interval"),
        retries=_retries(flags.text("retries")),
    )


def _health_time(flags: Flags, name: str) -> int:
    text = flags.text(name)
    if not text:
        return 0
    duration_ns = parse_duration(text)
    if 0 < duration_ns < _MIN_HEALTH_NS:
        raise InvalidArgumentError(f"Interval {name!r} cannot be less than 1ms".replace("'", '"'))
    return duration_ns


def _retries(text: str) -> int:
    if not text:
        return 0
    try:
        count = int(text)
    except ValueError:
        raise InvalidArgumentError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if abs(count) > _MAX_RETRIES:
        raise InvalidArgumentError(f'strconv.ParseInt: parsing "{text}": value out of range')
    if count < 0:
        raise InvalidArgumentError(f"--retries cannot be negative ({count})")
    return count


def _onbuild(statement: Statement, place: _Place) -> Instruction:
    _at_least_one(statement)
    trigger = statement.rest
    word = trigger.split(None, 1)[0].upper()
    if word == "ONBUILD":
        raise InvalidArgumentError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if word in ("MAINTAINER", "FROM"):
        raise InvalidArgumentError(f"{word} isn't allowed as an ONBUILD trigger")
    parts = [trigger, *(f"{doc.content}{doc.name}" for doc in statement.heredocs)]
    return it.Onbuild(**place, trigger=valid_text("\n".join(parts)))


def _copy(statement: Statement, place: _Place) -> Instruction:
    flags = Flags(statement.flags, _COPY_FLAGS)
    sources, target = _paths(statement)
    return it.Copy(
        **place,
        sources=sources,
        target=target,
        heredocs=statement.heredocs,
        from_=flags.text("from"),
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=bool(flags.boolean("link")),
        parents=bool(flags.boolean("parents")),
        excludes=flags.all("exclude"),
    )


def _add(statement: Statement, place: _Place) -> Instruction:
    flags = Flags(statement.flags, _ADD_FLAGS)
    sources, target = _paths(statement)
    return it.Add(
        **place,
        sources=sources,
        target=target,
        heredocs=statement.heredocs,
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=bool(flags.boolean("link")),
        excludes=flags.all("exclude"),
        checksum=flags.text("checksum"),
        keep_git_dir=flags.boolean("keep-git-dir"),
        unpack=flags.boolean("unpack"),
    )


def _paths(statement: Statement) -> tuple[tuple[str, ...], str]:
    word = statement.word.upper()
    if len(statement.values) < 2:
        raise InvalidArgumentError(
            f"{word} requires at least two arguments, but only one was provided."
            " Destination could not be determined"
        )
    *sources, target = statement.values
    if target.startswith("<<") and any(
        f"<<{doc.name}" in target.replace("-", "") for doc in statement.heredocs
    ):
        raise InvalidArgumentError(f"{word} cannot accept a heredoc as a destination")
    return tuple(sources), target


_READERS: dict[str, _Reader] = {
    "add": _add,
    "arg": _arg,
    "cmd": _cmd,
    "copy": _copy,
    "entrypoint": _entrypoint,
    "env": _env,
    "expose": _expose,
    "healthcheck": _healthcheck,
    "label": _label,
    "maintainer": _maintainer,
    "onbuild": _onbuild,
    "run": _run,
    "shell": _shell,
    "stopsignal": _stop_signal,
    "user": _user,
    "volume": _volume,
    "workdir": _workdir,
}
