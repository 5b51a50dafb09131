"""``scow buildx create``."""

import secrets

from scow.cli.builder_nodes import leave, platforms_of, put_node
from scow.cli.builders import DRIVERS, OWN_DRIVER, REMOTE_DRIVER, Builder, Builders, check_name
from scow.cli.building.engine_facts import TIMEOUT, facts_of_nodes
from scow.cli.building.local_state import LocalStates
from scow.cli.command import Command, at_most
from scow.cli.contexts.store import context_names
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, STRINGS, Flag, list_of
from scow.cli.log_lines import log
from scow.cli.options.csv_fields import split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_TEXTS = list_of(name="stringArray")
_BUILDKIT_HOST = "BUILDKIT_HOST"
_FLAGS = "--allow-insecure-entitlement=network.host"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Stores a builder, or changes a node of one."""
    builders = Builders(invocation)
    if flags["leave"]:
        _leave(builders, flags["name"], flags["node"])
        return
    builder = _named(invocation, builders, flags)
    before = [dict(it) for it in builder.nodes]
    put_node(builder, _given(invocation, builder, flags), append=flags["append"])
    builders.save(builder)
    if flags["use"]:
        builders.use(builder)
    if flags["bootstrap"]:
        _check_running(builders, builder, flags["timeout"])
    if before and not flags["append"]:
        log(invocation.err, "warning", "new settings may not be used until builder is restarted")
    invocation.out.line(builder.name)


def _named(invocation: "Invocation", builders: Builders, flags: "Flags") -> Builder:
    """The builder that is meant, one that is stored or a new one. Raises CommandError in buildx's words."""
    driver = _driver(flags["driver"])
    name = check_name(flags["name"]).lower() if flags["name"] else ""
    if name == "default":
        raise CommandError(
            "ERROR: default is a reserved name and cannot be used to identify builder instance"
        )
    if flags["append"] and not name:
        raise CommandError("ERROR: append requires a builder name")
    name = name or f"builder_{secrets.token_hex(4)}"
    if not flags["append"] and name in context_names(invocation.config_directory):
        raise CommandError(f'ERROR: instance name "{name}" already exists as context builder')
    known = next((it for it in builders.all() if it.stored and it.name == name), None)
    if known is None:
        if flags["append"]:
            raise CommandError(f'ERROR: failed to find instance "{name}" for append')
        is_remote = not driver and not flags.arguments and invocation.environ.get(_BUILDKIT_HOST)
        return Builder(name, driver or (REMOTE_DRIVER if is_remote else DRIVERS[0]), [], stored=True)
    if not flags["node"] and not flags["append"]:
        raise CommandError(
            f'ERROR: existing instance for "{name}" but no append mode, specify the node name to make '
            "changes for existing instances"
        )
    if driver and driver != known.driver:
        raise CommandError(
            f'ERROR: existing instance for "{name}" but has mismatched driver "{known.driver}"'
        )
    return known


def _driver(name: str) -> str:
    """Raises CommandError in buildx's words for one that is not there."""
    if name == OWN_DRIVER:
        raise CommandError(f'ERROR: additional instances of driver "{name}" cannot be created')
    if name and name not in DRIVERS:
        raise CommandError(f'ERROR: failed to find driver "{name}"')
    return str(name)


def _leave(builders: Builders, name: str, node: str) -> None:
    if not name:
        raise CommandError("ERROR: leave requires instance name")
    if not node:
        raise CommandError("ERROR: leave requires node name")
    builder = next((it for it in builders.all() if it.stored and it.name == name), None)
    if builder is None:
        raise CommandError(f'ERROR: failed to find instance "{name}" for leave')
    leave(builder, node)
    LocalStates(builders.folder).forget_node(name, node)
    builders.save(builder)


def _given(invocation: "Invocation", builder: Builder, flags: "Flags") -> "dict[str, Any]":
    """What the command line says of a node."""
    found: dict[str, Any] = {"Name": flags["node"]} if flags["node"] else {}
    is_there = any(it["Name"] == flags["node"] for it in builder.nodes)
    if flags.arguments or not is_there:
        found["Endpoint"] = _place(invocation, builder, flags.arguments[0] if flags.arguments else "")
    if platforms := platforms_of(flags["platform"]):
        found["Platforms"] = platforms
    if options := _driver_options(flags["driver-opt"]):
        found["DriverOpts"] = options
    own = "" if builder.driver == REMOTE_DRIVER or is_there else _FLAGS
    if words := (flags["buildkitd-flags"] or own).split():
        found["Flags"] = words
    return found


def _driver_options(texts: list[str]) -> dict[str, str]:
    found = {}
    for field in (it for text in texts for it in split_fields(text)):
        key, equals, value = field.partition("=")
        if not equals:
            raise CommandError(f'ERROR: invalid value "{field}", expecting k=v')
        found[key] = value
    return found


def _place(invocation: "Invocation", builder: Builder, place: str) -> str:
    """A context's name, or an address."""
    if builder.driver == REMOTE_DRIVER:
        place = place or invocation.environ.get(_BUILDKIT_HOST, "")
        if not place:
            raise CommandError("ERROR: no remote endpoint provided")
    if place and "://" not in place and place not in context_names(invocation.config_directory):
        raise CommandError(f'ERROR: context "{place}": context not found')
    if not place:
        name = invocation.context_name()
        place = invocation.endpoint().text if name == "default" else name
    return place


def _check_running(builders: Builders, builder: Builder, timeout_ns: int) -> None:
    for node, facts in facts_of_nodes(builders, builder, timeout_ns):
        if facts.status != "running":
            raise CommandError(
                f"ERROR: failed to initialize builder {builder.name} ({node['Name']}): "
                "the engine does not answer"
            )


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
