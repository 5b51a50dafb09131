"""``scow pull``."""

from scow.cli.command import Command, exactly
from scow.cli.credentials import auth_header
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.progress import show_progress
from scow.errors import InvalidArgumentError
from scow.spec.reference import Reference, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Has the engine fetch an image, with this person's login, and prints its full name."""
    reference = named(flags.arguments[0])
    if flags["all-tags"]:
        if reference.tag or reference.digest:
            raise CommandError("tag can't be used with --all-tags/-a")
    elif not reference.tag and not reference.digest:
        reference = reference.with_tag("latest")
        if not flags["quiet"]:
            invocation.out.line("Using default tag: latest")
    pull(invocation, reference, flags["platform"], quiet=flags["quiet"], to_errors=False)
    invocation.out.line(str(reference))


def pull(
    invocation: "Invocation", reference: Reference, platform: str, *, quiet: bool, to_errors: bool
) -> None:
    """Fetch and show how far it is. Raises DaemonError, CommandError for a failure on the way."""
    query = [("fromImage", reference.name), ("tag", reference.digest or reference.tag or "")]
    if platform:
        query.append(("platform", platform.lower()))
    headers = auth_header(invocation, str(reference))
    response = invocation.client.request("POST", "/images/create", query, headers=headers)
    out = invocation.err if to_errors else invocation.out
    show_progress(response.values(), None if quiet else out)


def named(text: str) -> Reference:
    """A reference that a person typed; raises CommandError."""
    try:
        return parse_reference(text, default_tag=False)
    except InvalidArgumentError as exc:
        raise CommandError(exc.message) from exc


COMMAND = Command(
    run,
    "[OPTIONS] NAME[:TAG|@DIGEST]",
    "Download an image from a registry",
    flags=(
        Flag("all-tags", BOOL, "Download all tagged images in the repository", short="a"),
        Flag("quiet", BOOL, "Suppress verbose output", short="q"),
        Flag("platform", STRING, "Set platform if server is multi-platform capable", since="1.32"),
        Flag("disable-content-trust", BOOL, "Skip image verification", default=True),
    ),
    arguments=exactly(1),
    spellings=("image pull", "pull"),
)
