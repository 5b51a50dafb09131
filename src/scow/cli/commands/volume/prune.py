"""``scow volume prune``."""

from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, FILTER, Flag
from scow.cli.listing import filter_query
from scow.cli.prompt import confirm
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_WARNING = """WARNING! This will remove {} local volumes not used by at least one container.
Are you sure you want to continue?"""


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes unused volumes, those with names only when asked for all."""
    filters = dict(flags["filter"])
    warning = _WARNING.format("anonymous")
    if not invocation.client.supports("1.42"):  # older engines always remove all
        warning = _WARNING.format("all")
    elif flags["all"]:
        if "all" in filters:
            raise CommandError("conflicting options: cannot specify both --all and --filter all=1")
        filters["all"] = ["true"]
        warning = _WARNING.format("all")
    if not flags["force"] and not confirm(invocation, warning):
        return
    report = invocation.client.post("/volumes/prune", filter_query(filters))
    deleted = report["VolumesDeleted"] or []
    if deleted:
        invocation.out.write("Deleted Volumes:\n" + "".join(f"{name}\n" for name in deleted) + "\n")
    invocation.out.line("Total reclaimed space:", human_size(report["SpaceReclaimed"] if deleted else 0))


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Remove unused local volumes",
    flags=(
        Flag("all", BOOL, "Remove all unused volumes, not just anonymous ones", short="a", since="1.42"),
        Flag("force", BOOL, "Do not prompt for confirmation", short="f"),
        Flag("filter", FILTER, 'Provide filter values (e.g. "label=<label>")'),
    ),
    arguments=no_arguments,
)
