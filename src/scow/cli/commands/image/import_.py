"""``scow import``."""

from scow.cli.command import Command, at_least
from scow.cli.commands.image.load import open_file, open_stdin
from scow.cli.exits import CommandError
from scow.cli.flags import LIST, STRING, Flag
from scow.cli.progress import show_progress
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Response
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes an image of the root file system in an archive and prints its id."""
    source, *names = flags.arguments
    query = [("message", flags["message"])] if flags["message"] else []
    query += [("changes", change) for change in flags["change"]]
    if names:
        query.append(("repo", _checked_name(names[0])))
    if flags["platform"]:
        query.append(("platform", flags["platform"].lower()))
    with _send(invocation, source, query) as response:
        show_progress(response.values(), invocation.out)


def _checked_name(name: str) -> str:
    from scow.spec.reference import parse_reference

    try:
        parse_reference(name)
    except InvalidArgumentError as exc:
        raise CommandError(exc.message) from exc
    return name


def _send(invocation: "Invocation", source: str, query: list[tuple[str, str]]) -> "Response":
    """The request, with the archive as its body unless the engine is to fetch a URL itself."""
    client = invocation.client
    if source.startswith(("http://", "https://")):
        return client.request("POST", "/images/create", [*query, ("fromSrc", source)])
    file = open_stdin() if source == "-" else open_file(source)
    return client.upload("/images/create", [*query, ("fromSrc", "-")], file, {"Content-Type": "text/plain"})


COMMAND = Command(
    run,
    "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    "Import the contents from a tarball to create a filesystem image",
    flags=(
        Flag("change", LIST, "Apply Dockerfile instruction to the created image", short="c"),
        Flag("message", STRING, "Set commit message for imported image", short="m"),
        Flag("platform", STRING, "Set platform if server is multi-platform capable", since="1.32"),
    ),
    arguments=at_least(1),
    spellings=("image import", "import"),
)
