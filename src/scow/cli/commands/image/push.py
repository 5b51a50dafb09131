"""``scow push``."""

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.commands.image.pull import named
from scow.cli.credentials import auth_header
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.cli.options.platforms import platform_query
from scow.cli.progress import show_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Has the engine send an image, with this person's login."""
    reference = named(flags.arguments[0])
    if flags["all-tags"]:
        if reference.tag or reference.digest:
            raise CommandError("tag can't be used with --all-tags/-a")
    elif not reference.tag:
        reference = reference.with_tag("latest")
        if not flags["quiet"]:
            invocation.out.line("Using default tag: latest")
    query = [("tag", reference.tag or ""), *platform_query(flags["platform"])]
    path = object_path("image", reference.name, "push")
    headers = auth_header(invocation, str(reference))
    response = invocation.client.request("POST", path, query, headers=headers)
    show_progress(response.values(), None if flags["quiet"] else invocation.out)
    if flags["quiet"]:
        invocation.out.line(str(reference))


COMMAND = Command(
    run,
    "[OPTIONS] NAME[:TAG]",
    "Upload an image to a registry",
    flags=(
        Flag("all-tags", BOOL, "Push all tags of an image to the repository", short="a"),
        Flag("quiet", BOOL, "Suppress verbose output", short="q"),
        Flag("disable-content-trust", BOOL, "Skip image signing", default=True),
        Flag(
            "platform",
            STRING,
            "Push a platform-specific manifest as a single-platform image to the registry.\nImage index "
            "won't be pushed, meaning that other manifests, including attestations won't be preserved.\n"
            "'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
            since="1.46",
        ),
    ),
    arguments=exactly(1),
    spellings=("image push", "push"),
)
