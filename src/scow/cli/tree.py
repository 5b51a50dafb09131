"""Every command by its names. A command is a value of ``scow.cli.commands.<module>``, named behind a colon
when that is not ``COMMAND``."""

from scow.cli.command import Command
from scow.cli.global_flags import BUILDX_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from scow.cli.flags import Flag


class Noun:
    """A group of verbs: where each is, and other names that some of them have.

    The help page of the program does not have a ``hidden`` one, and one ``beyond_docker`` not in Docker's
    name. ``own`` are verbs that Docker does not have, ``nested`` groups of such verbs; ``unlisted`` ones do
    not stand on the noun's page. ``flags`` are taken before the verb, and by every verb.
    """

    __slots__ = ("about", "aliases", "beyond_docker", "flags", "hidden", "nested", "own", "unlisted", "verbs")

    def __init__(
        self,
        about: str,
        verbs: dict[str, str],
        aliases: dict[str, str] | None = None,
        *,
        hidden: bool = False,
        beyond_docker: bool = False,
        own: tuple[str, ...] = (),
        unlisted: tuple[str, ...] = (),
        nested: "dict[str, Noun] | None" = None,
        flags: "tuple[Flag, ...]" = (),
    ) -> None:
        self.flags = flags
        self.about = about
        self.own = own
        self.unlisted = unlisted
        self.nested = nested or {}
        self.verbs = verbs
        self.aliases = aliases or {}
        self.hidden = hidden
        self.beyond_docker = beyond_docker

    def all_verbs(self) -> "Iterator[tuple[str, str]]":
        """Every verb, those of nested groups with the group before them, and where it is."""
        yield from self.verbs.items()
        for name, noun in self.nested.items():
            for verb, place in noun.all_verbs():
                yield f"{name} {verb}", place

    @property
    def listed(self) -> dict[str, str]:
        """Verbs that people are told of, and where each is."""
        return {verb: place for verb, place in self.verbs.items() if verb not in self.unlisted}

    def verb(self, name: str) -> str:
        """The verb's own name for one of its names; "" when there is none."""
        name = self.aliases.get(name, name)
        return name if name in self.verbs else ""


NOUNS = {
    "binfmt": Noun(
        "Manage interpreters of other machines' programs",
        {
            "install": "binfmt.change:INSTALL",
            "ls": "binfmt.ls",
            "rm": "binfmt.change:REMOVE",
        },
        {"list": "ls", "remove": "rm", "uninstall": "rm"},
        beyond_docker=True,
    ),
    "builder": Noun(
        "Manage builds",
        {
            "build": "image.build",
            "prune": "prune:BUILDER",
        },
    ),
    "checkpoint": Noun(
        "Manage checkpoints",
        {
            "create": "checkpoint.verbs:CREATE",
            "ls": "checkpoint.verbs:LS",
            "rm": "checkpoint.verbs:RM",
        },
        {"list": "ls", "remove": "rm"},
    ),
    "completion": Noun(
        "Generate the autocompletion script for the specified shell",
        {
            "bash": "completion.scripts:BASH",
            "fish": "completion.scripts:FISH",
            "zsh": "completion.scripts:ZSH",
        },
        hidden=True,
    ),
    "container": Noun(
        "Manage containers",
        {
            "attach": "container.attach",
            "commit": "container.commit",
            "cp": "container.cp",
            "create": "container.create",
            "diff": "container.diff",
            "exec": "container.exec",
            "export": "container.export",
            "inspect": "inspect:CONTAINER",
            "kill": "container.kill",
            "logs": "container.logs",
            "ls": "container.ls",
            "pause": "container.pause:PAUSE",
            "port": "container.port",
            "prune": "prune:CONTAINER",
            "rename": "container.rename",
            "restart": "container.restart",
            "rm": "container.rm",
            "run": "container.run",
            "start": "container.start",
            "stats": "container.stats",
            "stop": "container.stop",
            "top": "container.top",
            "unpause": "container.pause:UNPAUSE",
            "update": "container.update",
            "wait": "container.wait",
        },
        {"list": "ls", "ps": "ls", "remove": "rm"},
    ),
    "context": Noun(
        "Manage contexts",
        {
            "create": "context.create",
            "export": "context.export",
            "import": "context.import_",
            "inspect": "context.inspect",
            "ls": "context.ls",
            "rm": "context.rm",
            "show": "context.show",
            "update": "context.update",
            "use": "context.use",
        },
        {"list": "ls", "remove": "rm"},
    ),
    "image": Noun(
        "Manage images",
        {
            "build": "image.build",
            "history": "image.history",
            "import": "image.import_",
            "inspect": "inspect:IMAGE",
            "load": "image.load",
            "ls": "image.ls",
            "prune": "prune:IMAGE",
            "pull": "image.pull",
            "push": "image.push",
            "rm": "image.rm",
            "save": "image.save",
            "tag": "image.tag",
        },
        {"list": "ls", "remove": "rm"},
    ),
    "manifest": Noun(
        "Manage Docker image manifests and manifest lists",
        {
            "annotate": "manifest.annotate",
            "create": "manifest.create",
            "inspect": "manifest.inspect",
            "push": "manifest.push",
            "rm": "manifest.rm",
        },
    ),
    "network": Noun(
        "Manage networks",
        {
            "connect": "network.connect",
            "create": "network.create",
            "disconnect": "network.disconnect",
            "explain": "network.explain",
            "inspect": "inspect:NETWORK",
            "ls": "network.ls",
            "prune": "prune:NETWORK",
            "rm": "network.rm",
        },
        {"list": "ls", "remove": "rm"},
        own=("explain",),
    ),
    "system": Noun(
        "Manage Docker",
        {
            "check": "system.check",
            "df": "system.df",
            "dial-stdio": "system.dial_stdio",
            "events": "system.events",
            "info": "system.info",
            "prune": "system.prune",
        },
        own=("check",),
        unlisted=("dial-stdio",),
    ),
    "volume": Noun(
        "Manage volumes",
        {
            "clone": "volume.clone",
            "create": "volume.create",
            "export": "volume.export",
            "import": "volume.import_",
            "inspect": "inspect:VOLUME",
            "ls": "volume.ls",
            "prune": "prune:VOLUME",
            "rename": "volume.rename",
            "rm": "volume.rm",
            "update": "volume.update",
        },
        {"list": "ls", "remove": "rm"},
        own=("clone", "export", "import", "rename"),
        nested={
            "snapshot": Noun(
                "Manage snapshots of volumes",
                {
                    "create": "volume.snapshot_create",
                    "ls": "volume.snapshot_ls",
                    "restore": "volume.snapshot_restore",
                    "rm": "volume.snapshot_rm",
                },
                {"list": "ls", "remove": "rm"},
            )
        },
    ),
}

PLUGIN_NOUNS = {
    "buildx": Noun(
        "Docker Buildx",
        {
            "bake": "buildx.bake",
            "build": "image.build",
            "create": "buildx.create",
            "dap": "buildx.refused:DAP",
            "debug": "buildx.debug",
            "dial-stdio": "buildx.dial_stdio",
            "du": "buildx.du",
            "inspect": "buildx.inspect",
            "install": "buildx.install:INSTALL",
            "ls": "buildx.ls",
            "policy": "buildx.refused:POLICY",
            "prune": "buildx.prune",
            "rm": "buildx.rm",
            "stop": "buildx.stop",
            "uninstall": "buildx.install:UNINSTALL",
            "use": "buildx.use",
            "version": "buildx.version",
        },
        {"b": "build", "f": "bake"},
        unlisted=("install", "uninstall"),
        flags=BUILDX_FLAGS,
    ),
}
"""What Docker has as plugins. Verbs that are not here are still those of a plugin by that name."""

INNER_NOUNS = {
    "buildx imagetools": Noun(
        "Commands to work on images in registry",
        {"create": "imagetools.create", "inspect": "imagetools.inspect"},
        flags=BUILDX_FLAGS,
    ),
    "buildx history": Noun(
        "Commands to work on build records",
        {
            "export": "history.export",
            "import": "history.refused:IMPORT",
            "inspect": "history.inspect",
            "logs": "history.logs",
            "ls": "history.ls",
            "open": "history.refused:OPEN",
            "rm": "history.rm",
            "trace": "history.refused:TRACE",
        },
        flags=BUILDX_FLAGS,
    ),
    "buildx history inspect": Noun(
        "Inspect a build record", {"attachment": "history.inspect:ATTACHMENT"}, flags=BUILDX_FLAGS
    ),
}
"""Nouns below a noun, or below a plugin's name: the rest of what that plugin does is still its own.

One may be below a verb, which is meant when no verb of the noun follows.
"""

COMMON = {
    "run": "container.run",
    "exec": "container.exec",
    "ps": "container.ls",
    "build": "image.build",
    "pull": "image.pull",
    "push": "image.push",
    "images": "image.ls",
    "login": "registry.login",
    "logout": "registry.logout",
    "search": "registry.search",
    "version": "system.version",
    "info": "system.info",
}
"""Top-level commands that the first section of the help page has, in its order."""

OTHERS = {
    "attach": "container.attach",
    "commit": "container.commit",
    "cp": "container.cp",
    "create": "container.create",
    "diff": "container.diff",
    "events": "system.events",
    "export": "container.export",
    "history": "image.history",
    "import": "image.import_",
    "inspect": "inspect:ANY",
    "kill": "container.kill",
    "load": "image.load",
    "logs": "container.logs",
    "pause": "container.pause:PAUSE",
    "port": "container.port",
    "rename": "container.rename",
    "restart": "container.restart",
    "rm": "container.rm",
    "rmi": "image.rm",
    "save": "image.save",
    "start": "container.start",
    "stats": "container.stats",
    "stop": "container.stop",
    "tag": "image.tag",
    "top": "container.top",
    "unpause": "container.pause:UNPAUSE",
    "update": "container.update",
    "wait": "container.wait",
}

TOP_LEVEL = COMMON | OTHERS

PORT_VERBS = {"add": "container.port_change:ADD", "rm": "container.port_change:REMOVE"}
"""What ``port`` does with a first word of these and more words than it otherwise takes."""


def load_command(place: str) -> Command:
    """Import one command; ``place`` is ``module`` or ``module:NAME``."""
    module, _, name = place.partition(":")
    found = __import__(f"scow.cli.commands.{module}", fromlist=("COMMAND",))
    command: Command = getattr(found, name or "COMMAND")
    return command
