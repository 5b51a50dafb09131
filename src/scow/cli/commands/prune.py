"""``scow container prune`` and its like for images, networks and volumes."""

from scow.cli import pruning
from scow.cli.building.flags import BYTES
from scow.cli.command import Command, no_arguments
from scow.cli.flags import BOOL, FILTER, Flag
from scow.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def container(invocation: "Invocation", flags: "Flags") -> None:
    """Removes stopped containers."""
    filters = pruning.prune_filters(invocation, flags["filter"])
    if pruning.confirmed(invocation, force=flags["force"], warning="all stopped containers."):
        _report(invocation, pruning.prune_containers(invocation, filters))


def image(invocation: "Invocation", flags: "Flags") -> None:
    """Removes images that nobody uses, those with names only when asked for all."""
    warning = "all dangling images."
    if flags["all"]:
        warning = "all images without at least one container associated to them."
    filters = pruning.prune_filters(invocation, flags["filter"])
    if pruning.confirmed(invocation, force=flags["force"], warning=warning):
        _report(invocation, pruning.prune_images(invocation, filters, every=flags["all"]))


def network(invocation: "Invocation", flags: "Flags") -> None:
    """Removes networks that no container is in."""
    filters = pruning.prune_filters(invocation, flags["filter"])
    warning = "all custom networks not used by at least one container."
    if pruning.confirmed(invocation, force=flags["force"], warning=warning):
        text = pruning.prune_networks(invocation, filters)[1]
        invocation.out.write(f"{text}\n" if text else "")


def volume(invocation: "Invocation", flags: "Flags") -> None:
    """Removes volumes that no container uses, those with names only when asked for all."""
    filters = pruning.prune_filters(invocation, flags["filter"])
    filters, every = pruning.volume_filters(invocation, filters, every=flags["all"])
    kind = "all" if every else "anonymous"
    warning = f"{kind} local volumes not used by at least one container."
    if pruning.confirmed(invocation, force=flags["force"], warning=warning):
        _report(invocation, pruning.prune_volumes(invocation, filters))


def builder(invocation: "Invocation", flags: "Flags") -> None:
    """Removes results in the build cache that no image and no build uses."""
    filters = pruning.prune_filters(invocation, flags["filter"])
    warning = "all build cache." if flags["all"] else "all dangling build cache."
    if pruning.confirmed(invocation, force=flags["force"], warning=warning):
        reclaimed_bytes, text = pruning.prune_build_cache(
            invocation, filters, every=flags["all"], keep_bytes=flags["keep-storage"]
        )
        invocation.out.write(f"{text}\n" if text else "")
        invocation.out.write(f"Total:\t{human_size(reclaimed_bytes)}\n")


def _report(invocation: "Invocation", pruned: "pruning.Pruned") -> None:
    reclaimed_bytes, text = pruned
    invocation.out.write(f"{text}\n" if text else "")
    invocation.out.line("Total reclaimed space:", human_size(reclaimed_bytes))


_FORCE = Flag("force", BOOL, "Do not prompt for confirmation", short="f")
_FILTER = Flag("filter", FILTER, 'Provide filter values (e.g. "until=<timestamp>")')

CONTAINER = Command(
    container,
    "[OPTIONS]",
    "Remove all stopped containers",
    flags=(_FORCE, _FILTER),
    arguments=no_arguments,
)
BUILDER = Command(
    builder,
    "[OPTIONS]",
    "Remove build cache",
    flags=(
        Flag("all", BOOL, "Remove all unused build cache, not just dangling ones", short="a"),
        _FILTER,
        _FORCE,
        Flag("keep-storage", BYTES, "Amount of disk space to keep for cache"),
    ),
    arguments=no_arguments,
)
IMAGE = Command(
    image,
    "[OPTIONS]",
    "Remove unused images",
    flags=(
        _FORCE,
        Flag("all", BOOL, "Remove all unused images, not just dangling ones", short="a"),
        _FILTER,
    ),
    arguments=no_arguments,
)
NETWORK = Command(
    network,
    "[OPTIONS]",
    "Remove all unused networks",
    flags=(_FORCE, _FILTER),
    arguments=no_arguments,
)
VOLUME = Command(
    volume,
    "[OPTIONS]",
    "Remove unused local volumes",
    flags=(
        Flag("all", BOOL, "Remove all unused volumes, not just anonymous ones", short="a", since="1.42"),
        _FORCE,
        Flag("filter", FILTER, 'Provide filter values (e.g. "label=<label>")'),
    ),
    arguments=no_arguments,
)
