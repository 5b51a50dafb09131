"""``scow network rm``."""

from scow.api.client.client import object_path
from scow.api.client.errors import DaemonError
from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.cli.prompt import confirm
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_NOT_FOUND = 404
_INGRESS_WARNING = (
    "WARNING! Before removing the routing-mesh network, make sure all the nodes in your swarm run the same "
    "docker engine version. Otherwise, removal may not be effective and functionality of newly create "
    "ingress networks will be impaired.\nAre you sure you want to continue?"
)


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Removes networks one after the other; each error is printed when it comes."""
    failed = False
    for name in flags.arguments:
        if _is_ingress(invocation, name) and not confirm(invocation, _INGRESS_WARNING):
            continue
        try:
            invocation.client.delete(object_path("network", name))
            invocation.out.line(name)
        except ScowError as exc:
            if flags["force"] and isinstance(exc, DaemonError) and exc.status == _NOT_FOUND:
                continue
            invocation.err.line(exc)
            failed = True
    if failed:
        raise CommandError("exit status 1")


def _is_ingress(invocation: "Invocation", name: str) -> bool:
    try:
        return bool(invocation.client.get(object_path("network", name)).get("Ingress"))
    except ScowError:
        return False  # the removal says what is wrong


COMMAND = Command(
    run,
    "NETWORK [NETWORK...]",
    "Remove one or more networks",
    flags=(Flag("force", BOOL, "Do not error if the network does not exist", short="f"),),
    arguments=at_least(1),
    spellings=("network rm", "network remove"),
)
