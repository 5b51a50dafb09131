"""From a command line to the command that it names, and the complaints when it names none."""

import os

from scow.cli.command import Command
from scow.cli.exits import USAGE_STATUS, CommandError
from scow.cli.flags import Flag, Flags
from scow.cli.global_flags import BUILDER_VARIABLE, HELP, HELP_SHORT, LOG_LEVELS, global_flags
from scow.cli.invocation import Invocation
from scow.cli.output import Output
from scow.cli.parser import UnknownFlagError, parse_flags
from scow.cli.tree import INNER_NOUNS, NOUNS, PLUGIN_NOUNS, PORT_VERBS, TOP_LEVEL, Noun, load_command
from scow.errors import InvalidArgumentError

_COMPLETION_REQUESTS = ("__complete", "__completeNoDesc")


def dispatch(program: str, argv: list[str]) -> None:
    """Run ``argv``. Raises ScowError, OSError."""
    if program == "docker-compose":
        raise CommandError("docker-compose: compose projects are not supported")
    flags = global_flags()
    try:
        options = parse_flags((*flags, HELP, HELP_SHORT), argv, interspersed=False)
    except InvalidArgumentError as exc:
        raise _usage_error(program, exc, flags, program, "[OPTIONS] COMMAND [ARG...]") from exc
    if options["log-level"] not in LOG_LEVELS:
        raise CommandError(f"Unable to parse logging level: {options['log-level']}")
    if options["context"] and options["host"]:
        raise CommandError("conflicting options: cannot specify both --host and --context")
    _print_notices(options)
    invocation = Invocation(program, options, os.environ, argv)
    try:
        if options["help"] or options["-h"]:
            _print_root_page(invocation, flags, 1)
        elif options["version"]:
            from scow.cli.client_version import version_line

            Output(1).line(version_line(program))
        elif not options.arguments:
            _print_root_page(invocation, flags, 2)
        else:
            _run_words(invocation, options.arguments, flags)
    finally:
        invocation.close()


def _run_words(invocation: Invocation, words: list[str], flags: tuple[Flag, ...]) -> None:
    first, rest = words[0], words[1:]
    if first == "builder" and rest and not NOUNS[first].verb(rest[0]) and not rest[0].startswith("-"):
        first = "buildx"  # as Docker forwards it
    if first == "port" and len(rest) > 2 and rest[0] in PORT_VERBS:
        _run_command(invocation, f"port {rest[0]}", load_command(PORT_VERBS[rest[0]]), rest[1:])
    elif first in TOP_LEVEL:
        _run_command(invocation, first, load_command(TOP_LEVEL[first]), rest)
    elif rest and (inner := INNER_NOUNS.get(f"{first} {rest[0]}")):
        _run_noun(invocation, f"{first} {rest[0]}", inner, rest[1:])
    elif first in NOUNS:
        _run_noun(invocation, first, NOUNS[first], rest)
    elif first in PLUGIN_NOUNS and _is_own(PLUGIN_NOUNS[first], rest):
        _run_noun(invocation, first, PLUGIN_NOUNS[first], rest)
    elif first == "help":
        _help_about(invocation, rest, flags)
    elif first in _COMPLETION_REQUESTS:
        from scow.cli.completion.requests import answer_request

        answer_request(invocation, rest, described=first == _COMPLETION_REQUESTS[0])
    else:
        _run_plugin(invocation, words, flags)


def _is_own(noun: Noun, words: list[str]) -> bool:
    """Whether a word of a plugin is one that this program knows itself."""
    return not words or words[0].startswith("-") or bool(noun.verb(words[0]))


def _run_plugin(invocation: Invocation, words: list[str], flags: tuple[Flag, ...]) -> None:
    """A word that is no command of ours: a plugin's, or a mistake. A plugin takes this process's place."""
    from scow.cli.plugins import replace_by_plugin

    replace_by_plugin(invocation, words[0])
    if "--help" in words:
        _print_root_page(invocation, flags, 1)
        return
    if words[0] in PLUGIN_NOUNS:
        raise _unknown_verb(invocation.program, words[0], PLUGIN_NOUNS[words[0]], words[1])
    from scow.cli.suggestions import suggestion

    program = invocation.program
    known = {*TOP_LEVEL, *NOUNS, *PLUGIN_NOUNS}
    raise CommandError(
        f"{program}: unknown command: {program} {words[0]}{suggestion(program, words[0], known)}\n\n"
        f"Run '{program} --help' for more information"
    )


def _run_noun(invocation: Invocation, name: str, noun: Noun, words: list[str]) -> None:
    path = f"{invocation.program} {name}"
    try:
        options = parse_flags((*noun.flags, HELP, HELP_SHORT), words, interspersed=False)
    except InvalidArgumentError as exc:
        raise _usage_error(invocation.program, exc, (*noun.flags, HELP), path, "") from exc
    _print_notices(options)
    if options.get("builder"):
        invocation.environ = {**invocation.environ, BUILDER_VARIABLE: options["builder"]}
    words = options.arguments
    verb = noun.verb(words[0]) if words else ""
    below = INNER_NOUNS.get(f"{name} {words[0]}") if len(words) > 1 else None
    if below is not None and below.verb(words[1]):
        _run_noun(invocation, f"{name} {words[0]}", below, words[1:])
    elif words and words[0] in noun.nested:
        _run_noun(invocation, f"{name} {words[0]}", noun.nested[words[0]], words[1:])
    elif options["help"] or options["-h"] or (not verb and "--help" in words):
        _print_noun_page(invocation, name, noun, 1)
    elif not words:
        _print_noun_page(invocation, name, noun, 2)
    elif verb:
        _run_command(invocation, f"{name} {verb}", load_command(noun.verbs[verb]), words[1:], noun.flags)
    else:
        raise _unknown_verb(invocation.program, name, noun, words[0])


def _unknown_verb(program: str, name: str, noun: Noun, word: str) -> CommandError:
    from scow.cli.suggestions import suggestion

    path = f"{program} {name}"
    meant = suggestion(program, word, (*noun.listed, *noun.nested))
    return CommandError(
        f"{program}: unknown command: {path} {word}{meant}\n\n"
        f"Usage:  {path}\n\nRun '{path} --help' for more information"
    )


def _run_command(
    invocation: Invocation, name: str, command: Command, words: list[str], inherited: tuple[Flag, ...] = ()
) -> None:
    program = invocation.program
    path = f"{program} {name}"
    own = (*command.flags, *_not_in(command.flags, inherited))
    known = (*own, HELP) if command.own_help else (*own, HELP, HELP_SHORT)
    try:
        options = parse_flags(known, words, interspersed=command.interspersed)
    except InvalidArgumentError as exc:
        raise _usage_error(program, exc, known, path, command.synopsis) from exc
    _print_notices(options)
    if options["help"] or options.get("-h"):
        from scow.cli.help import command_page

        Output(1).write(command_page(program, name, command))
        return
    invocation.command_name = name
    _check_engine(invocation, command, options)
    complaint = command.arguments(len(options.arguments))
    if complaint:
        raise CommandError(
            f"{program}: '{path}' {complaint[0]}\n\n"
            + f"Usage:  {path} {command.synopsis}".rstrip()
            + f"\n\n{complaint[1]} '{path} --help' for more information"
        )
    command.run(invocation, options)


def _not_in(flags: tuple[Flag, ...], inherited: tuple[Flag, ...]) -> list[Flag]:
    """Those of the noun that the command lacks: of one whose name it has for its own, the short form only."""
    names, letters = {flag.name for flag in flags}, {flag.short for flag in flags}
    found = [flag for flag in inherited if flag.name not in names]
    return found + [
        Flag(f"-{flag.short}", flag.kind, flag.usage, short=flag.short, hidden=True)
        for flag in inherited
        if flag.name in names and flag.short and flag.short not in letters
    ]


def _check_engine(invocation: Invocation, command: Command, options: Flags) -> None:
    """Ask the engine only when something was given that not every engine has."""
    changed = (flag for flag in command.flags if flag.name in options.changed)
    demanding = any(flag.since or flag.server_os or flag.experimental for flag in changed)
    if demanding or command.since or command.experimental:
        from scow.cli.requirements import check_engine_has

        check_engine_has(invocation, command, options)


def _usage_error(
    program: str, error: InvalidArgumentError, flags: tuple[Flag, ...], path: str, synopsis: str
) -> CommandError:
    message = error.message
    if isinstance(error, UnknownFlagError) and len(error.name) > 1:
        from scow.cli.suggestions import suggestion

        message += suggestion(program, f"--{error.name}", [f"--{flag.name}" for flag in flags])
    return CommandError(
        f"{message}\n\nUsage:  {path} {synopsis}".rstrip() + f"\n\nRun '{path} --help' for more information",
        USAGE_STATUS,
    )


def _print_notices(options: Flags) -> None:
    for notice in options.notices:
        Output(1).line(notice)
    if options.warnings:
        from scow.cli.log_lines import log

        for warning in options.warnings:
            log(Output(2), "warning", warning)


def _help_about(invocation: Invocation, words: list[str], flags: tuple[Flag, ...]) -> None:
    """``help a b``: the page of a command, a noun, a plugin or the program."""
    from scow.cli.help import command_page

    first, rest = (words[0], words[1:]) if words else ("", [])
    noun = NOUNS.get(first)
    while noun and rest and rest[0] in noun.nested:
        noun, first, rest = noun.nested[rest[0]], f"{first} {rest[0]}", rest[1:]
    verb = noun.verb(rest[0]) if noun and len(rest) == 1 else ""
    if not words:
        _print_root_page(invocation, flags, 1)
    elif first in TOP_LEVEL and not rest:
        Output(1).write(command_page(invocation.program, first, load_command(TOP_LEVEL[first])))
    elif noun and not rest:
        _print_noun_page(invocation, first, noun, 1)
    elif noun and verb:
        command = load_command(noun.verbs[verb])
        Output(1).write(command_page(invocation.program, f"{first} {verb}", command))
    else:
        from scow.cli.plugins import replace_by_plugin

        replace_by_plugin(invocation, first)
        raise CommandError(f"unknown help topic: {' '.join(rest if noun else words)}")


def _print_noun_page(invocation: Invocation, name: str, noun: Noun, fd: int) -> None:
    from scow.cli.help_pages import noun_page

    Output(fd).write(noun_page(invocation.program, name, noun))


def _print_root_page(invocation: Invocation, flags: tuple[Flag, ...], fd: int) -> None:
    from scow.cli.help_pages import root_page
    from scow.cli.plugins import list_plugins

    Output(fd).write(root_page(invocation.program, flags, list_plugins(invocation)))
