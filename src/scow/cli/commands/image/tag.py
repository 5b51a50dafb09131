"""``scow tag``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.exits import CommandError
from scow.cli.go_values import quote
from scow.errors import InvalidArgumentError
from scow.spec.reference import parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Gives an image another name; prints nothing."""
    source, target = flags.arguments
    try:
        reference = parse_reference(target)
    except InvalidArgumentError as exc:
        message = f"Error parsing reference: {quote(target)} is not a valid repository/tag: {exc.message}"
        raise CommandError(message) from exc
    if reference.digest:
        raise CommandError("refusing to create a tag with a digest reference")
    query = [("repo", reference.name), ("tag", reference.tag or "")]
    invocation.client.post(object_path("image", source, "tag"), query)


COMMAND = Command(
    run,
    "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    arguments=exactly(2),
    spellings=("image tag", "tag"),
)
