"""``scow context create``."""

from scow.cli.command import Command, exactly
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.contexts.current import DEFAULT_DESCRIPTION, metadata_of, tls_of
from scow.cli.contexts.given import HELP, PAIRS, given_endpoint
from scow.cli.contexts.store import DOCKER_ENDPOINT, ContextStore
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, Flag
from scow.cli.go_values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Stores a context: a new engine, or a copy of what another context says."""
    name = flags.arguments[0]
    store = ContextStore(invocation.config_directory)
    store.check_new(name)
    if flags["from"] or "docker" not in flags.changed:
        _copy(invocation, store, flags)
    else:
        endpoint, files = given_endpoint(flags["docker"], lambda other: metadata_of(invocation, other))
        about = {"Description": flags["description"]} if flags["description"] else {}
        store.put({"Name": name, "Metadata": about, "Endpoints": {DOCKER_ENDPOINT: endpoint}})
        store.put_tls(name, {DOCKER_ENDPOINT: files} if files else {})
    invocation.out.line(name)
    invocation.err.line("Successfully created context", quote(name))


def _copy(invocation: "Invocation", store: ContextStore, flags: "Flags") -> None:
    if flags["docker"]:
        raise CommandError("cannot use --docker flag when --from is set")
    source = flags["from"] or invocation.context_name()
    metadata = {**metadata_of(invocation, source), "Name": flags.arguments[0]}
    description = flags["description"] or (DEFAULT_DESCRIPTION if source == DEFAULT_CONTEXT else "")
    if description:
        metadata["Metadata"] = {**(metadata.get("Metadata") or {}), "Description": description}
    tls = tls_of(invocation, source)
    store.put(metadata)
    store.put_tls(flags.arguments[0], tls)


COMMAND = Command(
    run,
    "[OPTIONS] CONTEXT",
    "Create a context",
    long="Create a context\n\n" + HELP.format(verb="create"),
    flags=(
        Flag("description", STRING, "Description of the context"),
        Flag("docker", PAIRS, "set the docker endpoint"),
        Flag("from", STRING, "create context from a named context"),
    ),
    arguments=exactly(1),
)
