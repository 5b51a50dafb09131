"""Every command by its names. A command lives in ``scow.cli.commands.<module>`` as ``COMMAND``."""

from scow.cli.command import Command


class Noun:
    """A group of verbs: their modules, and other names that some of them have."""

    __slots__ = ("about", "aliases", "verbs")

    def __init__(self, about: str, verbs: dict[str, str], aliases: dict[str, str] | None = None) -> None:
        self.about = about
        self.verbs = verbs
        self.aliases = aliases or {}


NOUNS = {
    "container": Noun(
        "Manage containers",
        {
            "attach": "container.attach",
            "create": "container.create",
            "exec": "container.exec",
            "inspect": "container.inspect",
            "kill": "container.kill",
            "logs": "container.logs",
            "ls": "container.ls",
            "pause": "container.pause",
            "port": "container.port",
            "rename": "container.rename",
            "restart": "container.restart",
            "rm": "container.rm",
            "run": "container.run",
            "start": "container.start",
            "stop": "container.stop",
            "top": "container.top",
            "unpause": "container.unpause",
            "wait": "container.wait",
        },
        {"list": "ls", "ps": "ls", "remove": "rm"},
    ),
    "image": Noun(
        "Manage images",
        {
            "history": "image.history",
            "import": "image.import_",
            "inspect": "image.inspect",
            "load": "image.load",
            "ls": "image.ls",
            "rm": "image.rm",
            "tag": "image.tag",
        },
        {"list": "ls", "remove": "rm"},
    ),
    "network": Noun(
        "Manage networks",
        {"inspect": "network.inspect", "ls": "network.ls"},
        {"list": "ls"},
    ),
    "system": Noun(
        "Manage Docker",
        {"events": "system.events", "info": "system.info"},
    ),
    "volume": Noun(
        "Manage volumes",
        {
            "create": "volume.create",
            "inspect": "volume.inspect",
            "ls": "volume.ls",
            "prune": "volume.prune",
            "rm": "volume.rm",
        },
        {"list": "ls", "remove": "rm"},
    ),
}

COMMON = {
    "run": "container.run",
    "exec": "container.exec",
    "ps": "container.ls",
    "images": "image.ls",
    "version": "system.version",
    "info": "system.info",
}
"""Top-level commands that the first section of the help page has, in its order."""

OTHERS = {
    "attach": "container.attach",
    "create": "container.create",
    "events": "system.events",
    "history": "image.history",
    "import": "image.import_",
    "inspect": "system.inspect",
    "kill": "container.kill",
    "load": "image.load",
    "logs": "container.logs",
    "pause": "container.pause",
    "port": "container.port",
    "rename": "container.rename",
    "restart": "container.restart",
    "rm": "container.rm",
    "rmi": "image.rm",
    "start": "container.start",
    "stop": "container.stop",
    "tag": "image.tag",
    "top": "container.top",
    "unpause": "container.unpause",
    "wait": "container.wait",
}

TOP_LEVEL = COMMON | OTHERS


def load_command(module: str) -> Command:
    """Import one command."""
    found = __import__(f"scow.cli.commands.{module}", fromlist=("COMMAND",))
    command: Command = found.COMMAND
    return command
