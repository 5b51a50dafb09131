"""Names of what the engine has."""

import os

from scow.cli.completion.answers import FAILED, Answer
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scow.cli.invocation import Invocation

    Summary = dict[str, Any]

_STATES = {
    "running": ("running", "paused", "restarting"),
    "unpaused": ("running", "restarting"),
    "paused": ("paused",),
    "startable": ("created", "exited"),
    "removable": ("created", "exited", "dead"),
}


def containers(
    invocation: "Invocation", which: str = "", *, fits: "Callable[[Summary], bool] | None" = None
) -> Answer:
    """Names of containers: of all, or of those in the states that ``which`` stands for."""
    states = _STATES.get(which)
    try:
        found = invocation.client.get("/containers/json", [("all", "1")]) or ()
    except (ScowError, OSError):
        return FAILED
    names: list[str] = []
    for summary in found:
        if (states and summary.get("State") not in states) or (fits and not fits(summary)):
            continue
        if os.environ.get("DOCKER_COMPLETION_SHOW_CONTAINER_IDS") == "yes":
            names.append(summary["Id"])
        # A link has its other container's name in it.
        names += (name[1:] for name in summary.get("Names") or () if "/" not in name[1:])
    return Answer(names)


def images(invocation: "Invocation") -> Answer:
    """Names with tags."""
    try:
        found = invocation.client.get("/images/json") or ()
    except (ScowError, OSError):
        return FAILED
    return Answer([name for image in found for name in image.get("RepoTags") or ()])


def networks(invocation: "Invocation") -> Answer:
    """Names of networks."""
    try:
        return Answer([network["Name"] for network in invocation.client.get("/networks") or ()])
    except (ScowError, OSError):
        return FAILED


def volumes(invocation: "Invocation") -> Answer:
    """Names of volumes."""
    try:
        return Answer([volume["Name"] for volume in invocation.client.get("/volumes")["Volumes"] or ()])
    except (ScowError, OSError):
        return FAILED


def emulators(invocation: "Invocation", *, registered: bool) -> Answer:
    """Interpreters of other machines' programs: those that the kernel has, or those that it could have."""
    try:
        found = invocation.client.get("/scow/binfmt")["Emulators"] or ()
    except (ScowError, OSError):
        return FAILED
    fitting = [it for it in found if (it["Status"] != "available") is registered]
    names = [it["Name"].removeprefix("qemu-") for it in fitting]
    return Answer([*names, "all"] if names else [])


def plugins(invocation: "Invocation", kind: str, otherwise: list[str]) -> Answer:
    """Drivers of a kind (``Log``, ``Volume``) that the engine has."""
    try:
        return Answer((invocation.client.get("/info").get("Plugins") or {}).get(kind) or [])
    except (ScowError, OSError):
        return Answer(otherwise)


def contexts(invocation: "Invocation") -> Answer:
    """Names of engines that commands can be for; no engine is asked."""
    from scow.cli.contexts.store import context_names

    return Answer(context_names(invocation.config_directory))
