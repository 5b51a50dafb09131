"""Which node of a builder does which part of a build: platforms go to the node that is fixed to them, else to
the first that has them, else to the first of all."""

from scow.cli.builders import Builders
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scow.api.client.client import Client
    from scow.cli.builders import Builder
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_TIMEOUT_NS = 20 * 1_000_000_000


class Share:
    """What one node does. ``place`` is builder and node; ``platforms`` are empty where none were named."""

    __slots__ = ("client", "place", "platforms")

    def __init__(self, client: "Client", place: tuple[str, str], platforms: list[str]) -> None:
        self.client = client
        self.place = place
        self.platforms = platforms


def shares_of(invocation: "Invocation", flags: "Flags") -> list[Share]:
    """At least one, in the order of the platforms. Raises CommandError."""
    builders = Builders(invocation)
    builder = builders.chosen(flags["builder"])
    wanted = [one for text in flags["platform"] for one in text.split(",") if one]
    several = len(builder.nodes) > 1 and bool(wanted)
    numbers = _numbers(builders, builder, wanted) if several else [0]
    parts: dict[int, list[str]] = {number: [] for number in numbers}
    for platform, number in zip(wanted, numbers, strict=False):
        parts[number].append(platform)
    if len(parts) == 1:
        parts = dict.fromkeys(parts, wanted)
    nodes = [(builder.nodes[number], platforms) for number, platforms in parts.items()]
    return [Share(builders.client(builder, node), builder.place(node), named) for node, named in nodes]


def _numbers(builders: Builders, builder: "Builder", wanted: list[str]) -> list[int]:
    """The node of each platform."""
    from scow.cli.builder_nodes import fixed_platforms
    from scow.cli.building.engine_facts import facts_of_nodes

    fixed = [fixed_platforms(node) for node in builder.nodes]
    numbers = [place_of(platform, fixed) for platform in wanted]
    if -1 not in numbers:
        return numbers
    told = facts_of_nodes(builders, builder, _TIMEOUT_NS)
    if not any(facts.status == "running" for _, facts in told):
        raise CommandError(f"ERROR: no node of builder {builder.name} answers")
    known = [own + facts.platforms for own, (_, facts) in zip(fixed, told, strict=True)]
    return [max(place_of(platform, known), 0) for platform in wanted]


def place_of(wanted: str, known: "Sequence[Sequence[str]]") -> int:
    """The first that has the platform by its name; -1 for none."""
    for number, platforms in enumerate(known):
        if any(_is_same(wanted, platform) for platform in platforms):
            return number
    return -1


def _is_same(left: str, right: str) -> bool:
    from scow.errors import InvalidArgumentError
    from scow.spec.platform import normalize, parse_platform

    try:
        return normalize(parse_platform(left)) == normalize(parse_platform(right))
    except InvalidArgumentError:
        return left == right
