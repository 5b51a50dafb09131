"""What the arguments of each command are, those that are no options."""

from scow.cli.completion import objects
from scow.cli.completion.answers import FILES, NO_SPACE, NOTHING, Answer, suffixed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Completer = Callable[[Invocation, Flags, str], Answer]

_CONTAINERS = {
    "container.kill": "running",
    "container.pause:PAUSE": "unpaused",
    "container.pause:UNPAUSE": "paused",
    "container.restart": "",
    "container.start": "startable",
    "container.stats": "running",
    "container.stop": "running",
    "container.update": "",
    "container.wait": "running",
    "inspect:CONTAINER": "",
}
"""Commands that take any number of containers, and which."""
_ONE_CONTAINER = {
    "checkpoint.verbs:CREATE": "running",
    "checkpoint.verbs:LS": "",
    "checkpoint.verbs:RM": "",
    "container.attach": "unpaused",
    "container.commit": "",
    "container.diff": "",
    "container.exec": "unpaused",
    "container.export": "",
    "container.logs": "",
    "container.port": "running",
    "container.rename": "",
    "container.top": "running",
}
_IMAGES = ("image.rm", "image.save", "inspect:IMAGE")
_ONE_IMAGE = ("container.create", "container.run", "image.history", "image.tag")
_NETWORKS = ("inspect:NETWORK", "network.rm")
_VOLUMES = ("inspect:VOLUME", "volume.rm", "volume.update")
_CONTEXTS = ("context.inspect", "context.rm")
_ONE_CONTEXT = ("context.update", "context.use")
_FILES = ("image.import_",)


def complete_argument(invocation: "Invocation", place: str, flags: "Flags", current: str) -> Answer:
    """What may come behind ``flags.arguments``, for the command at ``place`` of the tree."""
    given = len(flags.arguments)
    special = _SPECIAL.get(place)
    if special:
        return special(invocation, flags, current)
    if place in _ONE_CONTAINER:
        return objects.containers(invocation, _ONE_CONTAINER[place]) if not given else _rest(place)
    if place in _ONE_IMAGE:
        return objects.images(invocation) if not given else _rest(place)
    if place in _CONTAINERS:
        return _without(objects.containers(invocation, _CONTAINERS[place]), flags.arguments)
    if place in _IMAGES:
        return _without(objects.images(invocation), flags.arguments)
    if place in _NETWORKS:
        return _without(objects.networks(invocation), flags.arguments)
    if place in _VOLUMES:
        return _without(objects.volumes(invocation), flags.arguments)
    if place in _CONTEXTS:
        return _without(objects.contexts(invocation), flags.arguments)
    if place in _ONE_CONTEXT:
        return objects.contexts(invocation) if not given else NOTHING
    return FILES if place in _FILES else NOTHING


def _rest(place: str) -> Answer:
    """A program's own words may be files; those of this program are not."""
    return FILES if place in ("container.exec", "container.run", "container.create") else NOTHING


def _without(answer: Answer, given: list[str]) -> Answer:
    return Answer([value for value in answer.values if value not in given], answer.directive)


def _copied(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """``cp``: a path of this machine, or ``container:`` and a path there."""
    if len(flags.arguments) >= 2:
        return NOTHING
    if current[:1] in ("/", ".", "~") or ":" in current:
        return FILES
    return Answer(suffixed(objects.containers(invocation), ":").values, NO_SPACE)


def _removed(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """``rm``: with force also what runs."""
    which = "" if flags["force"] else "removable"
    return _without(objects.containers(invocation, which), flags.arguments)


def _inspected(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """``inspect``: whatever has a name, or of the type that was given."""
    found = {
        "container": objects.containers,
        "image": objects.images,
        "network": objects.networks,
        "volume": objects.volumes,
    }
    kinds = (flags["type"],) if flags["type"] else tuple(found)
    answers = [found[kind](invocation) for kind in kinds if kind in found]
    return _without(Answer([value for answer in answers for value in answer.values]), flags.arguments)


def _connected(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return _network_and_container(invocation, flags, member=False)


def _disconnected(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    return _network_and_container(invocation, flags, member=True)


def _network_and_container(invocation: "Invocation", flags: "Flags", *, member: bool) -> Answer:
    if not flags.arguments:
        return objects.networks(invocation)
    if len(flags.arguments) > 1:
        return NOTHING
    network = flags.arguments[0]
    return objects.containers(
        invocation,
        fits=lambda summary: (
            (network in ((summary.get("NetworkSettings") or {}).get("Networks") or {})) is member
        ),
    )


def _registered(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """``binfmt rm``: what the kernel has."""
    return _without(objects.emulators(invocation, registered=True), flags.arguments)


def _installable(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """``binfmt install``: what packages have."""
    return _without(objects.emulators(invocation, registered=False), flags.arguments)


def _exported(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """``context export``: a context, and a file."""
    return objects.contexts(invocation) if not flags.arguments else FILES


def _imported(invocation: "Invocation", flags: "Flags", current: str) -> Answer:
    """``context import``: a new name, and a file."""
    return FILES if flags.arguments else NOTHING


_SPECIAL: "dict[str, Completer]" = {
    "binfmt.change:INSTALL": _installable,
    "binfmt.change:REMOVE": _registered,
    "container.cp": _copied,
    "container.rm": _removed,
    "context.export": _exported,
    "context.import_": _imported,
    "inspect:ANY": _inspected,
    "network.connect": _connected,
    "network.disconnect": _disconnected,
}
