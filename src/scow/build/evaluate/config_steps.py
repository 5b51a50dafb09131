"""Instructions that change an image's config and no file: one function each.

Each changes the config of a stage in place, for there may be thousands of them, and answers the instruction's
text as it stands in history.
"""

import json
import posixpath
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.instructions import Command, Instruction
from scow.build.evaluate.stage_state import StageState
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import HealthConfig
from scow.spec.exposed_ports import exposed_ports
from scow.spec.go_duration import format_duration
from scow.spec.signals import parse_signal

# A backslash is written as two: only what stands behind pairs of them is a control character's number.
_CONTROL = re.compile(r"\\u00(..)|\\.")
_GO_ESCAPES = {"07": "\\a", "0b": "\\v"}


def apply_config_step(state: StageState, instruction: Instruction) -> str | None:
    """``None`` for an instruction that is none of these. Raises InvalidArgumentError."""
    step = _STEPS.get(type(instruction))
    return step(state, instruction) if step is not None else None


def go_quoted(text: str) -> str:
    """As Go's ``%q``."""
    return _CONTROL.sub(_go_escape, json.dumps(text, ensure_ascii=False))


def _go_escape(found: re.Match[str]) -> str:
    return _GO_ESCAPES.get(found[1], f"\\x{found[1]}") if found[1] else found[0]


def go_quoted_rune(number: int) -> str:
    """As Go's ``%q`` of a number, which it takes for a character."""
    named = {7: "a", 8: "b", 12: "f", 10: "n", 13: "r", 9: "t", 11: "v", 39: "'", 92: "\\"}
    if number in named:
        return f"'\\{named[number]}'"
    if number < 0x20 or number == 0x7F:
        return f"'\\x{number:02x}'"
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        return "'\ufffd'"
    if chr(number).isprintable():
        return f"'{chr(number)}'"
    return f"'\\u{number:04x}'" if number < 0x10000 else f"'\\U{number:08x}'"


def go_quoted_list(words: Sequence[str]) -> str:
    """As Go's ``%q`` of a list."""
    return f"[{' '.join(go_quoted(word) for word in words)}]"


def _env(state: StageState, instruction: it.Env) -> str:
    text = "ENV"
    found = []
    for pair in instruction.pairs:
        name, value = state.scope.expand(pair.name), state.scope.expand(pair.value)
        found.append((name, value))
        text += f" {name}={value}"
    for name, value in found:
        state.set_env(name, value)
    return text


def _label(state: StageState, instruction: it.Label) -> str:
    labels = state.config.labels = state.config.labels or {}
    text = "LABEL"
    for pair in instruction.pairs:
        name, value = state.scope.expand(pair.name), state.scope.expand(pair.value)
        labels[name] = value
        text += f" {name}={value}"
    return text


def _arg(state: StageState, instruction: it.Arg) -> str:
    text = "ARG"
    for name, default in instruction.arguments:
        name = state.scope.expand(name)
        value = None if default is None else state.scope.expand(default)
        if not (state.as_buildkit and state.scope.keeps_value(name, value)):
            known = state.scope.declare(name, value)
            if state.as_buildkit and known is not None:
                state.scope.newer[name] = known
        # As it was written: a value that the build was given may not be meant for everybody's eyes.
        text += f" {name}" if value is None else f" {name}={value}"
    return text


def _maintainer(state: StageState, instruction: it.Maintainer) -> str:
    state.author = instruction.name
    return f"MAINTAINER {instruction.name}"


def command_args(state: StageState, command: Command) -> list[str]:
    """The program's arguments: a shell's, or those given. BuildKit's shell gets empty texts, too."""
    if not command.shell:
        return list(command.words)
    if state.as_buildkit:
        return [*state.shell, " ".join(command.words)]
    return [*state.shell, *command.words] if command.words else []


def _cmd(state: StageState, instruction: it.Cmd) -> str:
    args = command_args(state, instruction.command)
    state.config.cmd = args
    state.config.args_escaped = state.as_buildkit or msgspec.UNSET
    state.has_cmd = True
    return f"CMD {go_quoted_list(args)}"


def _entrypoint(state: StageState, instruction: it.Entrypoint) -> str:
    args = command_args(state, instruction.command)
    state.config.entrypoint = args or None
    if not state.has_cmd:
        # A command that was inherited was meant for another entrypoint.
        state.config.cmd = None
    return f"ENTRYPOINT {go_quoted_list(args)}"


def _shell(state: StageState, instruction: it.Shell) -> str:
    state.config.shell = list(instruction.words)
    return f"SHELL [{' '.join(instruction.words)}]"


def _expose(state: StageState, instruction: it.Expose) -> str:
    if state.config.exposed_ports is msgspec.UNSET:
        state.config.exposed_ports = {}
    words = [word for text in instruction.ports for word in state.scope.expand_words(text)]
    new = sorted({port for word in words for port in exposed_ports(word)})
    state.config.exposed_ports.update((port, {}) for port in new)
    if state.as_buildkit:
        # As Go prints a map.
        return f"EXPOSE map[{' '.join(f'{port}:{{}}' for port in new)}]"
    return f"EXPOSE {' '.join(sorted(words))}"


def _volume(state: StageState, instruction: it.Volume) -> str:
    paths = [state.scope.expand(path) for path in instruction.paths]
    if "" in paths:
        raise InvalidArgumentError("VOLUME specified can not be an empty string")
    state.config.volumes = state.config.volumes or {}
    state.config.volumes.update((path, {}) for path in paths)
    return f"VOLUME [{' '.join(paths)}]"


def _user(state: StageState, instruction: it.User) -> str:
    state.config.user = state.scope.expand(instruction.user)
    return f"USER {state.config.user}"


def _stop_signal(state: StageState, instruction: it.StopSignal) -> str:
    state.config.stop_signal = state.scope.expand(instruction.signal)
    parse_signal(state.config.stop_signal)
    return f"STOPSIGNAL {state.config.stop_signal}"


def _healthcheck(state: StageState, instruction: it.Healthcheck) -> str:
    if instruction.command is None:
        health = HealthConfig(test=["NONE"])
    else:
        kind = "CMD-SHELL" if instruction.command.shell else "CMD"
        health = HealthConfig(
            test=[kind, *instruction.command.words],
            interval=instruction.interval_ns,
            timeout=instruction.timeout_ns,
            start_period=instruction.start_period_ns,
            start_interval=instruction.start_interval_ns,
            retries=instruction.retries,
        )
    state.config.healthcheck = health
    return f"HEALTHCHECK {_go_struct(health)}"


def _go_struct(health: HealthConfig) -> str:
    """As Go prints a pointer to it with ``%q``, which is what history has."""
    times = (health.interval, health.timeout, health.start_period, health.start_interval)
    retries = go_quoted_rune(health.retries)
    shown = " ".join(go_quoted(format_duration(it)) for it in times)
    return f"&{{{go_quoted_list(health.test)} {shown} {retries}}}"


def _onbuild(state: StageState, instruction: it.Onbuild) -> str:
    state.config.on_build = state.config.on_build or []
    state.config.on_build.append(instruction.trigger)
    return f"ONBUILD {instruction.trigger}"


def working_directory(state: StageState, path: str) -> str:
    """``WORKDIR``'s new folder, by the one that it counts from."""
    joined = posixpath.join("/", state.config.working_dir, path)
    # Two slashes at the front mean something in POSIX and nothing on Linux.
    return "/" + posixpath.normpath(joined).lstrip("/")


# Each takes the type that it stands for.
_STEPS: dict[type[Instruction], Callable[[StageState, Any], str]] = {
    it.Arg: _arg,
    it.Cmd: _cmd,
    it.Entrypoint: _entrypoint,
    it.Env: _env,
    it.Expose: _expose,
    it.Healthcheck: _healthcheck,
    it.Label: _label,
    it.Maintainer: _maintainer,
    it.Onbuild: _onbuild,
    it.Shell: _shell,
    it.StopSignal: _stop_signal,
    it.User: _user,
    it.Volume: _volume,
}
