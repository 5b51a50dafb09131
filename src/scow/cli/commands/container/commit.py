"""``scow commit``."""

from scow.cli.command import Command, between
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, LIST, STRING, Flag
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes an image of a container as it is now and prints its id."""
    container, *names = flags.arguments
    container = container.strip()
    if not container:
        raise InvalidArgumentError("invalid container name or ID: value is empty")
    repository, tag = _split_name(names[0]) if names and names[0] else ("", "")
    query = [
        ("container", container),
        ("repo", repository),
        ("tag", tag),
        ("comment", flags["message"]),
        ("author", flags["author"]),
        *(("changes", change) for change in flags["change"]),
    ]
    if not flags["pause"]:
        query.append(("pause", "0"))
    invocation.out.line(invocation.client.post("/commit", query)["Id"])


def _split_name(name: str) -> tuple[str, str]:
    from scow.spec.reference import parse_reference

    reference = parse_reference(name)
    if reference.digest:
        raise CommandError("refusing to create a tag with a digest reference")
    return reference.name, reference.tag or "latest"


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    "Create a new image from a container's changes",
    flags=(
        Flag("pause", BOOL, "Pause container during commit", short="p", default=True),
        Flag("message", STRING, "Commit message", short="m"),
        Flag("author", STRING, 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', short="a"),
        Flag("change", LIST, "Apply Dockerfile instruction to the created image", short="c"),
    ),
    arguments=between(1, 2),
    spellings=("container commit", "commit"),
    interspersed=False,
)
