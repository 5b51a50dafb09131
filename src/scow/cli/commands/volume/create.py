"""``scow volume create``."""

from scow.cli.command import Command, at_most
from scow.cli.exits import CommandError
from scow.cli.flags import LIST, STRING, Flag, list_of, map_of
from scow.cli.options.container_flags import BYTES
from scow.cli.options.environment import pairs, validate_label
from scow.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_CLUSTER_FLAGS = (
    Flag("group", STRING, "Cluster Volume group (cluster volumes)", since="1.42"),
    Flag(
        "scope",
        STRING,
        'Cluster Volume access scope ("single", "multi")',
        default="single",
        since="1.42",
    ),
    Flag(
        "sharing",
        STRING,
        'Cluster Volume access sharing ("none", "readonly", "onewriter", "all")',
        default="none",
        since="1.42",
    ),
    Flag(
        "availability",
        STRING,
        'Cluster Volume availability ("active", "pause", "drain")',
        default="active",
        since="1.42",
    ),
    Flag("type", STRING, 'Cluster Volume access type ("mount", "block")', default="block", since="1.42"),
    Flag("secret", map_of(), "Cluster Volume secrets", since="1.42"),
    Flag("limit-bytes", BYTES, "Minimum size of the Cluster Volume in bytes", since="1.42"),
    Flag("required-bytes", BYTES, "Maximum size of the Cluster Volume in bytes", since="1.42"),
    Flag(
        "topology-required", LIST, "A topology that the Cluster Volume must be accessible from", since="1.42"
    ),
    Flag(
        "topology-preferred", LIST, "A topology that the Cluster Volume would be preferred in", since="1.42"
    ),
)


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes a volume, named by the engine when no name is given, and prints the name."""
    if any(flag.name in flags.changed for flag in _CLUSTER_FLAGS):
        raise UnsupportedError("cluster volumes are not supported")
    if flags.arguments and flags["name"]:
        raise CommandError(
            "conflicting options: cannot specify a volume-name through both --name and as a positional arg"
        )
    body = {
        "Driver": flags["driver"],
        "DriverOpts": flags["opt"],
        "Labels": pairs(flags["label"]),
        "Name": flags.arguments[0] if flags.arguments else flags["name"],
    }
    invocation.out.line(invocation.client.post("/volumes/create", body=body)["Name"])


COMMAND = Command(
    run,
    "[OPTIONS] [VOLUME]",
    "Create a volume",
    flags=(
        Flag("driver", STRING, "Specify volume driver name", short="d", default="local"),
        Flag("name", STRING, "Specify volume name", hidden=True),
        Flag("opt", map_of(), "Set driver specific options", short="o"),
        Flag("label", list_of(validate_label), "Set metadata for a volume"),
        *_CLUSTER_FLAGS,
    ),
    arguments=at_most(1),
)
