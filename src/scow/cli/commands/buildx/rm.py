"""``scow buildx rm``."""

from scow.cli.builders import Builder, Builders
from scow.cli.building.engine_facts import TIMEOUT, facts_of_nodes
from scow.cli.building.local_state import LocalStates
from scow.cli.command import Command
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.cli.prompt import confirm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_WARNING = (
    "WARNING! This will remove all builders that are not in running state.\n"
    "Are you sure you want to continue?"
)


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Forgets builders. The engines behind them and their caches stay."""
    builders = Builders(invocation)
    if flags["all-inactive"]:
        if flags.arguments:
            raise CommandError("ERROR: cannot specify builder name when --all-inactive is set")
        if not flags["force"] and not confirm(invocation, _WARNING):
            return
        for builder in builders.all():
            if builder.stored and not _runs(builders, builder, flags["timeout"]):
                _remove(invocation, builders, builder)
        return
    names = flags.arguments or [builders.chosen(flags["builder"]).name]
    failed = False
    for name in names:
        found = next((it for it in builders.all() if it.name == name), None)
        if found is not None and found.stored:
            _remove(invocation, builders, found)
            continue
        failed = True
        reason = f'no builder "{name}" found' if found is None else _IS_CONTEXT.format(name)
        invocation.err.line(f"failed to remove {name}: {reason}")
    if failed:
        raise CommandError("ERROR: failed to remove one or more builders")


def _runs(builders: Builders, builder: Builder, timeout_ns: int) -> bool:
    """Whether any of its nodes does."""
    return any(facts.status == "running" for _, facts in facts_of_nodes(builders, builder, timeout_ns))


_IS_CONTEXT = "context builder cannot be removed, run `docker context rm {}` to remove this context"


def _remove(invocation: "Invocation", builders: Builders, builder: Builder) -> None:
    builders.remove(builder)
    LocalStates(builders.folder).forget_builder(builder.name)
    invocation.err.line(f"{builder.name} removed")


COMMAND = Command(
    run,
    "[OPTIONS] [NAME] [NAME...]",
    "Remove one or more builder instances",
    flags=(
        Flag("all-inactive", BOOL, "Remove all inactive builders"),
        Flag("force", BOOL, "Do not prompt for confirmation", short="f"),
        Flag("keep-daemon", BOOL, "Keep the BuildKit daemon running"),
        Flag("keep-state", BOOL, "Keep BuildKit state"),
        BUILDER,
        TIMEOUT,
    ),
    arguments=lambda _count: None,
)
