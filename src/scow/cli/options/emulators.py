"""What the verbs of ``scow binfmt`` ask an engine: only scow has an answer."""

from scow.cli.building.engine_facts import is_scow
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.invocation import Invocation


def emulating_client(invocation: "Invocation") -> "Client":
    """Raises CommandError for another engine, with what does it there."""
    client = invocation.client
    if not is_scow(client.get("/version")):
        raise CommandError(
            f"{invocation.program} {invocation.command_name} needs scow's engine; with another one: "
            f"{invocation.program} run --privileged --rm tonistiigi/binfmt --install all"
        )
    return client
