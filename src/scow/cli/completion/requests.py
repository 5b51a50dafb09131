"""``__complete``: the words of a command line so far, the last one unfinished, and what it could become.

Output and directives are those of Docker's command line (cobra): a value a line, a tab and a description
behind it, then ``:`` and the directive's number.
"""

from scow.cli.completion.answers import FILES, NOTHING, Answer, directive_text
from scow.cli.completion.arguments import complete_argument
from scow.cli.completion.flag_values import complete_value
from scow.cli.flags import Flags
from scow.cli.global_flags import HELP, global_flags
from scow.cli.parser import parse_flags
from scow.cli.tree import INNER_NOUNS, NOUNS, PLUGIN_NOUNS, TOP_LEVEL, Noun, load_command
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from scow.cli.command import Command
    from scow.cli.flags import Flag
    from scow.cli.invocation import Invocation

_HELP_COMMAND = ("help", "Help about the command")
_FILTERED = ("system.events",)
"""Commands whose ``--filter`` is known."""
_CREATING = ("container.run", "container.create")


def answer_request(invocation: "Invocation", words: list[str], *, described: bool) -> None:
    """Print what the last of ``words`` could become."""
    try:
        answer = _complete_root(invocation, words or [""])
    except InvalidArgumentError as exc:
        invocation.err.line(f"[Debug] [Error] Error while parsing flags from args {words[:-1]}: {exc}")
        answer = FILES
    lines = [value if described else value.partition("\t")[0] for value in answer.values]
    invocation.out.write("".join(f"{line}\n" for line in (*lines, f":{answer.directive}")))
    invocation.err.line(f"Completion ended with directive: {directive_text(answer.directive)}")


def _complete_root(invocation: "Invocation", words: list[str]) -> Answer:
    """Global options, then the first word that is none of them."""
    *before, current = words
    flags = (*global_flags(), HELP)
    pending, options = _parse(flags, before, interspersed=False)
    if options.arguments:
        # Global options given here say which engine to ask.
        invocation.options.update((name, options[name]) for name in options.changed)
        return _complete_command(invocation, [*options.arguments, current])
    if pending or current.startswith("-"):
        return _complete_flag(invocation, flags, options, pending, current, place="")
    found = [(name, load_command(place).short) for name, place in TOP_LEVEL.items()]
    found += [
        (name, noun.about)
        for name, noun in NOUNS.items()
        if not noun.hidden and (invocation.program != "docker" or not noun.beyond_docker)
    ]
    return _choices([*found, _HELP_COMMAND, *_plugin_choices(invocation)], current)


def _plugin_choices(invocation: "Invocation") -> list[tuple[str, str]]:
    from scow.cli.help_pages import plugins_replaced
    from scow.cli.plugins import list_plugins

    plugins = list_plugins(invocation)
    found = [(plugin.name, plugin.about) for plugin in plugins if not plugin.problem]
    return found if invocation.program == "docker" else [*found, *plugins_replaced(plugins)]


def _complete_command(invocation: "Invocation", words: list[str]) -> Answer:
    first, *rest = words
    if first == "help":
        return _complete_root(invocation, rest) if len(rest) <= 1 else _complete_command(invocation, rest)
    name, noun, rest = _noun_of(first, rest)
    if noun:
        if len(rest) == 1:
            return _choices(_verbs(name, noun, own=invocation.program != "docker"), rest[0])
        verb = noun.verb(rest[0])
        return _complete_arguments(invocation, noun.verbs[verb], rest[1:]) if verb else FILES
    if first in TOP_LEVEL:
        return _complete_arguments(invocation, TOP_LEVEL[first], rest)
    return _complete_by_plugin(invocation, words)


def _noun_of(name: str, words: list[str]) -> tuple[str, Noun | None, list[str]]:
    """The noun that the first words name, with the words behind it; one below a verb if its verb follows."""
    noun = NOUNS.get(name) or PLUGIN_NOUNS.get(name)
    while noun and len(words) > 1:
        below = noun.nested.get(words[0]) or INNER_NOUNS.get(f"{name} {words[0]}")
        if below is None or (noun.verb(words[0]) and not (len(words) > 2 and below.verb(words[1]))):
            break
        name, noun, words = f"{name} {words[0]}", below, words[1:]
    return name, noun, words


def _verbs(name: str, noun: Noun, *, own: bool) -> list[tuple[str, str]]:
    """What may follow a noun; ``own``: also what Docker does not have."""
    found = [
        (verb, load_command(place).short)
        for verb, place in noun.listed.items()
        if own or verb not in noun.own
    ]
    found += [
        (inner.rpartition(" ")[2], below.about)
        for inner, below in INNER_NOUNS.items()
        if inner.rpartition(" ")[0] == name and not noun.verb(inner.rpartition(" ")[2])
    ]
    return [*found, *((name, inner.about) for name, inner in noun.nested.items() if own)]


def _complete_by_plugin(invocation: "Invocation", words: list[str]) -> Answer:
    """A plugin answers itself, in this process's place."""
    from scow.cli.plugins import replace_by_plugin

    invocation.argv = ["__complete", *words]
    replace_by_plugin(invocation, words[0])
    return FILES


def _choices(found: "Iterable[tuple[str, str]]", current: str) -> Answer:
    return Answer([f"{name}\t{about}" for name, about in sorted(found) if name.startswith(current)])


def _complete_arguments(invocation: "Invocation", place: str, words: list[str]) -> Answer:
    command: Command = load_command(place)
    *before, current = words
    flags = (*command.flags, HELP)
    pending, options = _parse(flags, before, interspersed=command.interspersed)
    ended = "--" in before or (options.arguments and not command.interspersed)
    if pending or (current.startswith("-") and not ended):
        return _complete_flag(invocation, flags, options, pending, current, place=place)
    return complete_argument(invocation, place, options, current)


def _parse(flags: "tuple[Flag, ...]", words: list[str], *, interspersed: bool) -> "tuple[Flag | None, Flags]":
    """The options given so far, and the one whose value comes next."""
    try:
        return None, parse_flags(flags, words, interspersed=interspersed)
    except InvalidArgumentError as exc:
        pending = _waiting(flags, words[-1]) if "flag needs an argument" in exc.message else None
        if pending is None:
            raise
        return pending, parse_flags(flags, words[:-1], interspersed=interspersed)


def _waiting(flags: "tuple[Flag, ...]", word: str) -> "Flag | None":
    """The option that ``--name`` or ``-itv`` leaves without a value."""
    for flag in flags:
        if word == f"--{flag.name}" or (word[:2] != "--" and flag.short and word.endswith(flag.short)):
            return flag
    return None


def _complete_flag(
    invocation: "Invocation",
    flags: "tuple[Flag, ...]",
    options: Flags,
    pending: "Flag | None",
    current: str,
    *,
    place: str,
) -> Answer:
    name, equals, value = current.partition("=")
    if pending is None and equals:
        pending = next((flag for flag in flags if name in (f"--{flag.name}", f"-{flag.short}")), None)
        if pending is None:
            return NOTHING
        current = value
    if pending is None:
        return Answer(list(_flag_names(flags, options, current)))
    if pending.name == "filter" and place not in _FILTERED:
        return FILES
    answer = complete_value(invocation, pending.dest, options, current)
    if answer is not None:
        return answer
    # These have so many options that take no file that Docker, too, says so once for all.
    return NOTHING if place in _CREATING else FILES


def _flag_names(flags: "tuple[Flag, ...]", options: Flags, current: str) -> "Iterable[str]":
    """``--name`` and ``-n`` of options that may still be given."""
    for flag in sorted(flags, key=lambda flag: flag.name):
        if flag.hidden or (flag.name in options.changed and flag.kind.combine is None):
            continue
        about = flag.usage.partition("\n")[0]
        spellings = [f"--{flag.name}"] + ([f"-{flag.short}"] if flag.short else [])
        yield from (f"{spelling}\t{about}" for spelling in spellings if spelling.startswith(current))
