"""The help pages of nouns and of the program: lists of commands."""

from scow.cli.help import flag_lines, group_page
from scow.cli.tree import COMMON, INNER_NOUNS, NOUNS, OTHERS, PLUGIN_NOUNS, load_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flag
    from scow.cli.plugins import Plugin
    from scow.cli.tree import Noun


def noun_page(program: str, name: str, noun: "Noun") -> str:
    """The verbs of a noun; those that Docker does not have by themselves, and not in its name."""
    rows = [(verb, load_command(place).short) for verb, place in sorted(noun.listed.items())]
    sections = [("Commands", [row for row in rows if row[0] not in noun.own])]
    sections[0][1].extend(
        (inner.removeprefix(f"{name} "), below.about)
        for inner, below in INNER_NOUNS.items()
        if inner.rpartition(" ")[0] == name and inner.removeprefix(f"{name} ") not in noun.verbs
    )
    sections[0][1].sort()
    own = [row for row in rows if row[0] in noun.own]
    own += [(nested, inner.about) for nested, inner in noun.nested.items()]
    if own and program != "docker":
        sections.append(("Commands beyond Docker", own))
    options = "[OPTIONS] " if noun.flags else ""
    page = group_page(f"{program} {name} {options}COMMAND", noun.about, sections)
    if noun.flags:
        page += f"\n\nOptions:\n{flag_lines(noun.flags)}"
    return f"{page}\n\nRun '{program} {name} COMMAND --help' for more information on a command.\n"


def plugins_replaced(plugins: "list[Plugin]") -> list[tuple[str, str]]:
    """Commands that Docker has as plugins, and scow by itself, where no plugin of that name is told of."""
    told = {plugin.name for plugin in plugins if not plugin.problem}
    return [(name, noun.about) for name, noun in PLUGIN_NOUNS.items() if name not in told]


def root_page(program: str, flags: "tuple[Flag, ...]", plugins: "list[Plugin]") -> str:
    """All commands in sections, and the global options."""
    shown = [(name, noun) for name, noun in NOUNS.items() if not noun.hidden and not noun.beyond_docker]
    management = [(name, noun.about) for name, noun in shown]
    management += [(f"{plugin.name}*", plugin.about) for plugin in plugins if not plugin.problem]
    if program != "docker":
        management += plugins_replaced(plugins)
    sections = [
        ("Common Commands", [(name, load_command(place).short) for name, place in COMMON.items()]),
        ("Management Commands", sorted(management)),
        ("Commands", [(name, load_command(place).short) for name, place in sorted(OTHERS.items())]),
    ]
    own = [(name, noun.about) for name, noun in NOUNS.items() if noun.beyond_docker]
    if program != "docker":
        sections.append(("Commands beyond Docker", own))
    if invalid := [(plugin.name, plugin.problem) for plugin in plugins if plugin.problem]:
        sections.append(("Invalid Plugins", invalid))
    page = group_page(f"{program} [OPTIONS] COMMAND", "A self-sufficient runtime for containers", sections)
    return (
        f"{page}\n\nGlobal Options:\n{flag_lines(flags)}\n\n"
        f"Run '{program} COMMAND --help' for more information on a command.\n"
    )
