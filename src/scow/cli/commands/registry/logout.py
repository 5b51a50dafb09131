"""``scow logout``."""

from scow.cli.command import Command, at_most
from scow.cli.credentials import HUB_KEY, Credentials, registry_key
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Forgets a login; nobody is asked."""
    server = flags.arguments[0] if flags.arguments else ""
    key = registry_key(server)
    shown = server or HUB_KEY
    credentials = Credentials(invocation)
    # Entries by whole address are of older versions.
    keys = [key] if key == HUB_KEY else [key, f"http://{key}", f"https://{key}"]
    invocation.out.line(f"Removing login credentials for {shown}")
    failed = []
    for each in keys:
        try:
            credentials.erase(each)
        except CommandError as exc:
            failed.append(f"{each}: {exc}\n")
    # A helper may fail for what it never had.
    if len(failed) == len(keys):
        invocation.err.write("WARNING: could not erase credentials:\n" + "".join(failed))


COMMAND = Command(
    run,
    "[SERVER]",
    "Log out from a registry",
    arguments=at_most(1),
    long="Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
)
