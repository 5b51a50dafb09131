"""Changes to an image's config in Dockerfile syntax: ``docker import --change``, ``docker commit --change``.

The eleven instructions that only change the config, one a line. Variables in words are those that
earlier ``ENV`` set.
"""

import copy
import json
import posixpath
import re
from collections.abc import Callable, Iterable

import msgspec

from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerConfig, HealthConfig
from scow.spec.exposed_ports import exposed_ports
from scow.spec.go_duration import parse_duration
from scow.spec.shell_words import expand, split_words

_MIN_HEALTH_NS = 10**6  # Docker's: shorter would be a typing error
_SHELL = ["/bin/sh", "-c"]


def apply_changes(config: ContainerConfig, changes: Iterable[str]) -> ContainerConfig:
    """``config`` with every instruction in ``changes`` applied, in order; ``config`` itself stays as it was.

    Raises InvalidArgumentError with Docker's messages.
    """
    result = copy.deepcopy(config)
    # A CMD that was there goes when the entrypoint changes, one that the changes bring does not.
    brought_cmd = False
    for line in _lines(changes):
        word, _, rest = line.partition(" ")
        instruction = _INSTRUCTIONS.get(word.upper())
        if instruction is None:
            raise InvalidArgumentError(f"{word} is not a valid change command")
        rest = rest.strip()
        if not rest and word.upper() not in ("CMD", "ENTRYPOINT"):
            raise InvalidArgumentError(f"{word.upper()} requires at least one argument")
        instruction(result, rest)
        brought_cmd = brought_cmd or word.upper() == "CMD"
        if word.upper() == "ENTRYPOINT" and not brought_cmd:
            result.cmd = None
    return result


def _lines(changes: Iterable[str]) -> list[str]:
    text = re.sub(r"\\[ \t]*\n", "", "\n".join(changes))
    lines = (line.strip().replace("\t", " ") for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _cmd(config: ContainerConfig, rest: str) -> None:
    config.cmd = _command(config, rest)


def _entrypoint(config: ContainerConfig, rest: str) -> None:
    config.entrypoint = _command(config, rest)


def _env(config: ContainerConfig, rest: str) -> None:
    values = _variables(config)
    values.update(_pairs(config, rest, "ENV"))
    config.env = [f"{key}={value}" for key, value in values.items()]


def _label(config: ContainerConfig, rest: str) -> None:
    config.labels = {**(config.labels or {}), **_pairs(config, rest, "LABEL")}


def _expose(config: ContainerConfig, rest: str) -> None:
    ports = {} if config.exposed_ports is msgspec.UNSET else dict(config.exposed_ports)
    for text in _words(config, rest):
        ports.update({port: {} for port in exposed_ports(text)})
    config.exposed_ports = ports


def _user(config: ContainerConfig, rest: str) -> None:
    config.user = _one_word(config, rest, "USER")


def _workdir(config: ContainerConfig, rest: str) -> None:
    path = posixpath.join(config.working_dir or "/", expand(rest, _variables(config)))
    # Two slashes at the front mean something in POSIX and nothing on Linux.
    config.working_dir = "/" + posixpath.normpath(path).lstrip("/")


def _stop_signal(config: ContainerConfig, rest: str) -> None:
    config.stop_signal = _one_word(config, rest, "STOPSIGNAL")


def _volume(config: ContainerConfig, rest: str) -> None:
    paths = _json_list(rest)
    paths = _words(config, rest) if paths is None else [expand(it, _variables(config)) for it in paths]
    if not all(path.strip() for path in paths):
        raise InvalidArgumentError("VOLUME specified can not be an empty string")
    config.volumes = {**(config.volumes or {}), **{path: {} for path in paths}}


def _onbuild(config: ContainerConfig, rest: str) -> None:
    trigger = rest.split(" ", 1)[0].upper()
    if trigger == "ONBUILD":
        raise InvalidArgumentError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise InvalidArgumentError(f"{trigger} isn't allowed as an ONBUILD trigger")
    config.on_build = [*(config.on_build or []), rest]


def _healthcheck(config: ContainerConfig, rest: str) -> None:
    health = HealthConfig()
    while match := re.match(r"--([a-z-]+)=(\S+)\s*", rest):
        _health_option(health, match[1], match[2])
        rest = rest[match.end() :]
    kind, _, command = rest.partition(" ")
    if kind.upper() == "NONE":
        if command.strip():
            raise InvalidArgumentError("HEALTHCHECK NONE takes no arguments")
        health = HealthConfig(test=["NONE"])
    elif kind.upper() == "CMD":
        arguments = _json_list(command.strip())
        health.test = ["CMD-SHELL", command.strip()] if arguments is None else ["CMD", *arguments]
        if not command.strip() or arguments == []:
            raise InvalidArgumentError("Missing command after HEALTHCHECK CMD")
    else:
        raise InvalidArgumentError(f'Unknown type "{kind.upper()}" in HEALTHCHECK (try CMD)')
    config.healthcheck = health


def _health_option(health: HealthConfig, name: str, value: str) -> None:
    if name == "retries":
        if not value.isdigit():
            raise InvalidArgumentError(f"--retries must be a number (not {value})")
        health.retries = int(value)
        return
    if name not in ("interval", "timeout", "start-period", "start-interval"):
        raise InvalidArgumentError(f"unknown flag: --{name}")
    nanoseconds = parse_duration(value)
    if 0 < nanoseconds < _MIN_HEALTH_NS:
        raise InvalidArgumentError(f'Interval "{name}" cannot be less than 1ms')
    setattr(health, name.replace("-", "_"), nanoseconds)


def _command(config: ContainerConfig, rest: str) -> list[str]:
    """The JSON form as it is, anything else for the shell."""
    arguments = _json_list(rest)
    if arguments is not None:
        return arguments
    shell = _SHELL if config.shell is msgspec.UNSET else config.shell
    return [*shell, rest] if rest else []


def _json_list(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(it, str) for it in value) else None


def _pairs(config: ContainerConfig, rest: str, what: str) -> dict[str, str]:
    """``key=value …``, or the old form ``key rest of the line``."""
    words = split_words(rest)
    if "=" not in words[0]:
        key, space, value = rest.partition(" ")
        if not space:
            raise InvalidArgumentError(f"{what} must have two arguments")
        return {key: expand(value.strip(), _variables(config))}
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InvalidArgumentError(
                f'Syntax error - can\'t find = in "{word}". Must be of the form: name=value'
            )
        key = expand(key, _variables(config))
        if not key:
            raise InvalidArgumentError(f"{what} names can not be blank")
        pairs[key] = expand(value, _variables(config))
    return pairs


def _words(config: ContainerConfig, rest: str) -> list[str]:
    return [expand(word, _variables(config)) for word in split_words(rest)]


def _one_word(config: ContainerConfig, rest: str, what: str) -> str:
    words = _words(config, rest)
    if len(words) != 1:
        raise InvalidArgumentError(f"{what} requires exactly one argument")
    return words[0]


def _variables(config: ContainerConfig) -> dict[str, str]:
    return dict(item.partition("=")[::2] for item in config.env or [])


_INSTRUCTIONS: dict[str, Callable[[ContainerConfig, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _onbuild,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
