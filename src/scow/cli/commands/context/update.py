"""``scow context update``."""

from scow.cli.command import Command, exactly
from scow.cli.contexts.current import metadata_of
from scow.cli.contexts.given import HELP, PAIRS, given_endpoint
from scow.cli.contexts.store import DOCKER_ENDPOINT, ContextStore, check_name
from scow.cli.flags import STRING, Flag
from scow.cli.go_values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Changes what a context says of its engine, or of itself."""
    name = flags.arguments[0]
    check_name(name)
    store = ContextStore(invocation.config_directory)
    metadata = store.get(name)
    if flags["description"]:
        metadata["Metadata"] = {**(metadata.get("Metadata") or {}), "Description": flags["description"]}
    files = None
    if "docker" in flags.changed:
        endpoint, files = given_endpoint(flags["docker"], lambda other: metadata_of(invocation, other))
        metadata["Endpoints"] = {**(metadata.get("Endpoints") or {}), DOCKER_ENDPOINT: endpoint}
    store.put(metadata)
    if files is not None:
        store.put_endpoint_tls(name, DOCKER_ENDPOINT, files)
    invocation.out.line(name)
    invocation.err.line("Successfully updated context", quote(name))


COMMAND = Command(
    run,
    "[OPTIONS] CONTEXT",
    "Update a context",
    long="Update a context\n\n" + HELP.format(verb="update"),
    flags=(
        Flag("description", STRING, "Description of the context"),
        Flag("docker", PAIRS, "set the docker endpoint"),
    ),
    arguments=exactly(1),
)
