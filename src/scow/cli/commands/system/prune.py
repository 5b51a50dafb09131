"""``scow system prune``."""

from scow.cli import pruning
from scow.cli.command import Command, no_arguments
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, FILTER, Flag
from scow.cli.listing import natural_key
from scow.cli.prompt import confirm
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.cli.pruning import Filters, Pruned

_BUILD_CACHE_SINCE = "1.31"
_SHOWN_FILTERS = ("label", "label!", "until")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes what is unused of every kind; volumes only when they are named."""
    if flags["volumes"] and "until" in flags["filter"]:
        raise CommandError('ERROR: The "until" filter is not supported with "--volumes"')
    filters = pruning.prune_filters(invocation, flags["filter"])
    with_cache = invocation.client.supports(_BUILD_CACHE_SINCE)
    if not flags["force"] and not confirm(invocation, _question(flags, filters, with_cache=with_cache)):
        return
    total = 0
    for reclaimed_bytes, text in _prune(invocation, flags, filters, with_cache=with_cache):
        total += reclaimed_bytes
        invocation.out.write(f"{text}\n" if text else "")
    invocation.out.line("Total reclaimed space:", human_size(total))


def _prune(
    invocation: "Invocation", flags: "Flags", filters: "Filters", *, with_cache: bool
) -> "Iterator[Pruned]":
    yield pruning.prune_containers(invocation, filters)
    yield pruning.prune_networks(invocation, filters)
    if flags["volumes"]:
        yield pruning.prune_volumes(invocation, filters)
    yield pruning.prune_images(invocation, filters, every=flags["all"])
    if with_cache:
        yield pruning.prune_build_cache(invocation, filters, every=flags["all"])


def _question(flags: "Flags", filters: "Filters", *, with_cache: bool) -> str:
    kinds = ["all stopped containers", "all networks not used by at least one container"]
    if flags["volumes"]:
        kinds.append("all anonymous volumes not used by at least one container")
    if flags["all"]:
        kinds.append("all images without at least one container associated to them")
    else:
        kinds.append("all dangling images")
    if with_cache:
        kinds.append("all build cache" if flags["all"] else "unused build cache")
    lines = ["WARNING! This will remove:", *(f"  - {kind}" for kind in kinds), ""]
    shown = [f"{name}={value}" for name in _SHOWN_FILTERS for value in filters.get(name, ())]
    if shown:
        shown.sort(key=natural_key)
        lines += ["  Items to be pruned will be filtered with:", *(f"  - {text}" for text in shown), ""]
    return "\n".join([*lines, "Are you sure you want to continue?"])


COMMAND = Command(
    run,
    "[OPTIONS]",
    "Remove unused data",
    flags=(
        Flag("force", BOOL, "Do not prompt for confirmation", short="f"),
        Flag("all", BOOL, "Remove all unused images not just dangling ones", short="a"),
        Flag("volumes", BOOL, "Prune anonymous volumes"),
        Flag("filter", FILTER, 'Provide filter values (e.g. "label=<key>=<value>")', since="1.28"),
    ),
    arguments=no_arguments,
)
