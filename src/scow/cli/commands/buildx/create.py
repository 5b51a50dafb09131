"""``scow buildx create``."""

import secrets

from scow.cli.builders import DRIVERS, OWN_DRIVER, REMOTE_DRIVER, Builder, Builders, check_name
from scow.cli.building.engine_facts import TIMEOUT, facts_of
from scow.cli.command import Command, at_most
from scow.cli.contexts.store import context_names
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, STRINGS, Flag, list_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_TEXTS = list_of(name="stringArray")
_FLAGS = "--allow-insecure-entitlement=network.host"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Stores a builder, or a node of one; it builds with the engine that its first node means."""
    driver = _driver(flags["driver"])
    if driver == REMOTE_DRIVER and not flags.arguments:
        raise CommandError("ERROR: no remote endpoint provided")
    builders = Builders(invocation)
    if (flags["append"] or flags["leave"]) and not flags["name"]:
        option = "append" if flags["append"] else "leave"
        raise CommandError(f"ERROR: {option} requires a builder name")
    name = check_name(flags["name"]) if flags["name"] else f"builder_{secrets.token_hex(4)}"
    if name in context_names(invocation.config_directory):
        raise CommandError(f'ERROR: instance name "{name}" already exists as context builder')
    known = {builder.name: builder for builder in builders.all() if builder.stored}
    builder = known.get(name)
    if builder is not None and not flags["append"] and not flags["leave"] and not flags["name"]:
        raise CommandError(f"ERROR: existing instance for {name} but no append mode")
    if builder is None:
        if flags["append"] or flags["leave"]:
            raise CommandError(f'ERROR: failed to find instance "{name}"')
        builder = Builder(name, driver, [], stored=True)
    if flags["leave"]:
        _leave(builder, flags["node"])
    else:
        _add(builder, _node(invocation, builder, flags))
    builders.save(builder)
    if flags["use"] and builder.nodes:
        builders.use(builder)
    if flags["bootstrap"] and facts_of(builders.client(builder), flags["timeout"]).status != "running":
        raise CommandError(f"ERROR: failed to boot builder {name}: the engine does not answer")
    invocation.out.line(name)


def _driver(name: str) -> str:
    """Raises CommandError in buildx's words for one that is not there."""
    if name == OWN_DRIVER:
        raise CommandError(f'ERROR: additional instances of driver "{name}" cannot be created')
    if name and name not in DRIVERS:
        raise CommandError(f'ERROR: failed to find driver "{name}"')
    return name or DRIVERS[0]


def _leave(builder: Builder, node: str) -> None:
    if not node:
        raise CommandError("ERROR: leave requires --node option to be set")
    kept = [it for it in builder.nodes if it["Name"] != node]
    if len(kept) == len(builder.nodes):
        raise CommandError(f'ERROR: failed to find node "{node}"')
    builder.nodes = kept


def _add(builder: Builder, node: "dict[str, Any]") -> None:
    for other in builder.nodes:
        if other["Name"] != node["Name"] and other["Endpoint"] == node["Endpoint"]:
            raise CommandError(f"ERROR: invalid duplicate endpoint {node['Endpoint']}")
    builder.nodes = [it for it in builder.nodes if it["Name"] != node["Name"]] + [node]


def _node(invocation: "Invocation", builder: Builder, flags: "Flags") -> "dict[str, Any]":
    place = flags.arguments[0] if flags.arguments else ""
    if place and "://" not in place and place not in context_names(invocation.config_directory):
        raise CommandError(f'ERROR: context "{place}": context not found')
    if not place:
        name = invocation.context_name()
        place = invocation.endpoint().text if name == "default" else name
    own = "" if builder.driver == REMOTE_DRIVER else _FLAGS
    options = dict(it.partition("=")[::2] for text in flags["driver-opt"] for it in text.split(","))
    return {
        "Name": flags["node"] or f"{builder.name}{_free_number(builder)}",
        "Endpoint": place,
        "Platforms": [_platform(text) for text in flags["platform"]] or None,
        "DriverOpts": options or None,
        "Flags": (flags["buildkitd-flags"] or own).split() or None,
        "Files": None,
    }


def _free_number(builder: Builder) -> int:
    names = {it["Name"] for it in builder.nodes}
    return next(number for number in range(len(names) + 1) if f"{builder.name}{number}" not in names)


def _platform(text: str) -> dict[str, str]:
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise CommandError(f'ERROR: "{text}" is an invalid platform')
    names = ("os", "architecture", "variant")
    return dict(sorted(zip(names, parts, strict=False)))


COMMAND = Command(
    run,
    "[OPTIONS] [CONTEXT|ENDPOINT]",
    "Create a new builder instance",
    flags=(
        Flag("append", BOOL, "Append a node to builder instead of changing it"),
        Flag("bootstrap", BOOL, "Boot builder after creation"),
        Flag("buildkitd-config", STRING, "BuildKit daemon config file"),
        Flag("buildkitd-flags", STRING, "BuildKit daemon flags"),
        Flag("driver", STRING, 'Driver to use (available: "docker-container", "remote")'),
        Flag("driver-opt", _TEXTS, "Options for the driver"),
        Flag("leave", BOOL, "Remove a node from builder instead of changing it"),
        Flag("name", STRING, "Builder instance name"),
        Flag("node", STRING, "Create/modify node with given name"),
        Flag("platform", STRINGS, "Fixed platforms for current node"),
        TIMEOUT,
        Flag("use", BOOL, "Set the current builder instance"),
    ),
    arguments=at_most(1),
)
