"""The entry point: global options, finding the command, and the exit status of whatever happens."""

import os
import sys

from scow.cli.command import Command
from scow.cli.exits import USAGE_STATUS, CommandError
from scow.cli.flags import BOOL, LIST, STRING, Flag, Flags
from scow.cli.invocation import Invocation
from scow.cli.output import Output
from scow.cli.parser import parse_flags
from scow.cli.tree import COMMON, NOUNS, OTHERS, TOP_LEVEL, Noun, load_command
from scow.errors import InvalidArgumentError, ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_LOG_LEVELS = ("debug", "info", "warn", "warning", "error", "fatal", "panic", "trace")
_HELP = Flag("help", BOOL, "Print usage", hidden=True)
# Its long name cannot be typed: the parser refuses names that begin with a dash.
_HELP_SHORT = Flag("-h", BOOL, "", short="h", deprecated="use --help")
_SIGINT_STATUS = 130


def console() -> "NoReturn":
    """What ``scow`` runs. Leaves without the interpreter's clean-up, which costs more than most commands."""
    _open_missing_streams()
    program = "docker" if os.path.basename(sys.argv[0]) == "docker" else "scow"
    os._exit(main(program, [_clean(word) for word in sys.argv[1:]]))


def main(program: str, argv: list[str]) -> int:
    """Run one command line and return the exit status; messages go to the real standard streams."""
    try:
        _dispatch(program, argv)
    except ScowError as exc:
        return _report(exc)
    except KeyboardInterrupt:
        return _SIGINT_STATUS
    except BrokenPipeError:
        return _die_of_broken_pipe()
    except OSError as exc:
        Output(2).line(describe_os_error(exc))
        return 1
    return 0


def describe_os_error(exc: OSError) -> str:
    """``/etc/x: permission denied``, as Go words errors."""
    reason = (exc.strerror or str(exc)).lower()
    return f"{exc.filename}: {reason}" if exc.filename else reason


def _open_missing_streams() -> None:
    """A caller may have closed a standard stream; the number must not go to a socket of ours."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _clean(word: str) -> str:
    """Bytes that are not UTF-8 become U+FFFD, as they do in Go's JSON."""
    return word if word.isascii() else word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _report(exc: ScowError) -> int:
    text = f"{exc.message}\n\nhint: {exc.hint}" if exc.hint else exc.message
    if text:
        try:
            Output(2).line(text)
        except OSError:
            pass
    return exc.status if isinstance(exc, CommandError) else 1


def _die_of_broken_pipe() -> int:
    """End by SIGPIPE, as programs do whose reader is gone."""
    import signal

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
    return 1


def _global_flags() -> tuple[Flag, ...]:
    directory = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    certificates = os.environ.get("DOCKER_CERT_PATH") or directory
    return (
        Flag("config", STRING, "Location of client config files", default=directory),
        Flag(
            "context",
            STRING,
            "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default "
            'context set with "docker context use")',
            short="c",
        ),
        Flag("debug", BOOL, "Enable debug mode", short="D"),
        Flag("host", LIST, "Daemon socket to connect to", short="H"),
        Flag(
            "log-level",
            STRING,
            'Set the logging level ("debug", "info", "warn", "error", "fatal")',
            short="l",
            default="info",
        ),
        Flag("tls", BOOL, "Use TLS; implied by --tlsverify"),
        Flag(
            "tlscacert",
            STRING,
            "Trust certs signed only by this CA",
            default=os.path.join(certificates, "ca.pem"),
        ),
        Flag(
            "tlscert",
            STRING,
            "Path to TLS certificate file",
            default=os.path.join(certificates, "cert.pem"),
        ),
        Flag("tlskey", STRING, "Path to TLS key file", default=os.path.join(certificates, "key.pem")),
        Flag("tlsverify", BOOL, "Use TLS and verify the remote"),
        Flag("version", BOOL, "Print version information and quit", short="v"),
    )


def _dispatch(program: str, argv: list[str]) -> None:
    flags = _global_flags()
    try:
        options = parse_flags((*flags, _HELP, _HELP_SHORT), argv, interspersed=False)
    except InvalidArgumentError as exc:
        raise _usage_error(exc.message, program, "[OPTIONS] COMMAND [ARG...]") from exc
    if options["log-level"] not in _LOG_LEVELS:
        raise CommandError(f"Unable to parse logging level: {options['log-level']}")
    if options["context"] and options["host"]:
        raise CommandError("conflicting options: cannot specify both --host and --context")
    _print_notices(options)
    words = options.arguments
    if options["help"] or options["-h"]:
        Output(1).write(_root_page(program, flags))
    elif options["version"]:
        from scow.cli.client_version import version_line

        Output(1).line(version_line(program))
    elif not words:
        Output(2).write(_root_page(program, flags))
    elif words[0] == "help":
        _help_about(program, words[1:], flags)
    else:
        invocation = Invocation(program, options, os.environ)
        try:
            _run_words(invocation, words, flags)
        finally:
            invocation.close()


def _run_words(invocation: Invocation, words: list[str], flags: tuple[Flag, ...]) -> None:
    first = words[0]
    if first in TOP_LEVEL:
        _run_command(invocation, first, load_command(TOP_LEVEL[first]), words[1:])
    elif first in NOUNS:
        _run_noun(invocation, first, NOUNS[first], words[1:])
    elif "--help" in words:
        Output(1).write(_root_page(invocation.program, flags))
    else:
        program = invocation.program
        raise CommandError(
            f"{program}: unknown command: {program} {first}\n\nRun '{program} --help' for more information"
        )


def _run_noun(invocation: Invocation, name: str, noun: Noun, words: list[str]) -> None:
    path = f"{invocation.program} {name}"
    try:
        options = parse_flags((_HELP, _HELP_SHORT), words, interspersed=False)
    except InvalidArgumentError as exc:
        raise _usage_error(exc.message, path, "") from exc
    _print_notices(options)
    words = options.arguments
    verb = noun.aliases.get(words[0], words[0]) if words else ""
    if options["help"] or options["-h"] or (verb not in noun.verbs and "--help" in words):
        Output(1).write(_noun_page(invocation.program, name, noun))
    elif not words:
        Output(2).write(_noun_page(invocation.program, name, noun))
    elif verb in noun.verbs:
        _run_command(invocation, f"{name} {verb}", load_command(noun.verbs[verb]), words[1:])
    else:
        raise CommandError(
            f"{invocation.program}: unknown command: {path} {words[0]}\n\n"
            f"Usage:  {path}\n\nRun '{path} --help' for more information"
        )


def _run_command(invocation: Invocation, name: str, command: Command, words: list[str]) -> None:
    program = invocation.program
    path = f"{program} {name}"
    known = (*command.flags, _HELP) if command.own_help else (*command.flags, _HELP, _HELP_SHORT)
    try:
        options = parse_flags(known, words, interspersed=command.interspersed)
    except InvalidArgumentError as exc:
        raise _usage_error(exc.message, path, command.synopsis) from exc
    _print_notices(options)
    if options["help"] or options.get("-h"):
        from scow.cli.help import command_page

        Output(1).write(command_page(program, name, command))
        return
    complaint = command.arguments(len(options.arguments))
    if complaint:
        raise CommandError(
            f"{program}: '{path}' {complaint[0]}\n\nUsage:  {path} {command.synopsis}\n\n"
            f"{complaint[1]} '{path} --help' for more information"
        )
    invocation.command_name = name
    if any(flag.since or flag.server_os for flag in command.flags if flag.name in options.changed):
        _check_engine_has(invocation, command, options)
    command.run(invocation, options)


def _check_engine_has(invocation: Invocation, command: Command, options: Flags) -> None:
    """Refuse options that the engine is too old for, or that are for another platform."""
    problems = []
    client = invocation.client
    version = client.version
    for flag in command.flags:
        if flag.name not in options.changed:
            continue
        if flag.since and not client.supports(flag.since):
            problems.append(
                f'"--{flag.name}" requires API version {flag.since}, '
                f"but the Docker daemon API version is {version}"
            )
        if flag.server_os and client.server_headers.get("ostype", flag.server_os) != flag.server_os:
            problems.append(
                f'"--{flag.name}" is only supported on a Docker daemon running on {flag.server_os}, '
                f"but the Docker daemon is running on {client.server_headers['ostype']}"
            )
    if problems:
        raise CommandError("\n".join(problems))


def _usage_error(message: str, path: str, synopsis: str) -> CommandError:
    return CommandError(
        f"{message}\n\nUsage:  {path} {synopsis}".rstrip() + f"\n\nRun '{path} --help' for more information",
        USAGE_STATUS,
    )


def _print_notices(options: Flags) -> None:
    for notice in options.notices:
        Output(1).line(notice)


def _help_about(program: str, words: list[str], flags: tuple[Flag, ...]) -> None:
    from scow.cli.help import command_page

    first, rest = (words[0], words[1:]) if words else ("", [])
    noun = NOUNS.get(first)
    if not words:
        page = _root_page(program, flags)
    elif first in TOP_LEVEL and not rest:
        page = command_page(program, first, load_command(TOP_LEVEL[first]))
    elif noun and not rest:
        page = _noun_page(program, first, noun)
    elif noun and len(rest) == 1 and noun.aliases.get(rest[0], rest[0]) in noun.verbs:
        verb = noun.aliases.get(rest[0], rest[0])
        page = command_page(program, f"{first} {verb}", load_command(noun.verbs[verb]))
    else:
        raise CommandError(f"unknown help topic: {' '.join(rest if noun else words)}")
    Output(1).write(page)


def _noun_page(program: str, name: str, noun: Noun) -> str:
    from scow.cli.help import group_page

    rows = [(verb, load_command(module).short) for verb, module in sorted(noun.verbs.items())]
    page = group_page(f"{program} {name} COMMAND", noun.about, [("Commands", rows)])
    return f"{page}\n\nRun '{program} {name} COMMAND --help' for more information on a command.\n"


def _root_page(program: str, flags: tuple[Flag, ...]) -> str:
    from scow.cli.help import flag_lines, group_page

    page = group_page(
        f"{program} [OPTIONS] COMMAND",
        "A self-sufficient runtime for containers",
        [
            ("Common Commands", [(name, load_command(module).short) for name, module in COMMON.items()]),
            ("Management Commands", [(name, noun.about) for name, noun in NOUNS.items()]),
            ("Commands", [(name, load_command(module).short) for name, module in sorted(OTHERS.items())]),
        ],
    )
    return (
        f"{page}\n\nGlobal Options:\n{flag_lines(flags)}\n\n"
        f"Run '{program} COMMAND --help' for more information on a command.\n"
    )
