"""``scow volume update``, which is for cluster volumes."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Changes the availability of a cluster volume."""
    volume = invocation.client.get(object_path("volume", flags.arguments[0]))
    cluster = volume.get("ClusterVolume")
    if not cluster:
        raise CommandError("can only update cluster volumes")
    spec = cluster["Spec"]
    if "availability" in flags.changed:
        spec["Availability"] = flags["availability"]
    path, query = f"/volumes/{cluster['ID']}", [("version", str(cluster["Version"]["Index"]))]
    with invocation.client.request("PUT", path, query, body={"Spec": spec}) as response:
        response.read()


COMMAND = Command(
    run,
    "[OPTIONS] [VOLUME]",
    "Update a volume (cluster volumes only)",
    flags=(
        Flag(
            "availability",
            STRING,
            'Cluster Volume availability ("active", "pause", "drain")',
            default="active",
            since="1.42",
        ),
    ),
    arguments=exactly(1),
    since="1.42",
)
