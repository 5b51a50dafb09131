"""``scow buildx inspect``."""

from scow.cli.builder_nodes import fixed_platforms
from scow.cli.builders import OWN_DRIVER, Builders
from scow.cli.building.engine_facts import TIMEOUT, facts_of_nodes
from scow.cli.columns import align
from scow.cli.command import Command, at_most
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.flags import BOOL, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Shows a builder and its nodes."""
    builders = Builders(invocation)
    builder = builders.chosen(flags.arguments[0] if flags.arguments else flags["builder"])
    head = [("Name", builder.name), ("Driver", builder.driver)]
    if activity := builders.last_activity(builder):
        head.append(("Last Activity", activity.replace("T", " ").replace("Z", " +0000 UTC")))
    _print(invocation, head)
    invocation.out.write("\nNodes:\n")
    for number, (node, facts) in enumerate(facts_of_nodes(builders, builder, flags["timeout"])):
        fields = [("Name", node["Name"]), ("Endpoint", node["Endpoint"])]
        if options := node.get("DriverOpts"):
            fields.append(
                ("Driver Options", " ".join(f'{key}="{it}"' for key, it in sorted(options.items())))
            )
        fields.append(("Status", facts.status))
        if builder.driver != OWN_DRIVER and node.get("Flags"):
            fields.append(("BuildKit daemon flags", " ".join(node["Flags"])))
        if facts.version:
            fields.append(("BuildKit version", facts.version))
        platforms = [f"{it}*" for it in fixed_platforms(node)] + facts.platforms
        if platforms:
            fields.append(("Platforms", ", ".join(platforms)))
        invocation.out.write("\n" if number else "")
        _print(invocation, fields)


def _print(invocation: "Invocation", fields: list[tuple[str, str]]) -> None:
    invocation.out.write(align([f"{name}:\t{value}\n" for name, value in fields], min_width=0, padding=1))


COMMAND = Command(
    run,
    "[NAME]",
    "Inspect current builder instance",
    flags=(Flag("bootstrap", BOOL, "Ensure builder has booted before inspecting"), BUILDER, TIMEOUT),
    arguments=at_most(1),
)
