"""What registering an interpreter comes to, with what the kernel has already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scow.build.emulators.offered import Interpreter
from scow.linux.binfmt_misc import FIXED, Registration

Action = Literal["register", "enable", "leave"]


@dataclass(frozen=True, slots=True)
class Plan:
    """``removed`` are registrations that go first; ``outcome`` is what then is the case, for a person."""

    action: Action
    outcome: str
    removed: tuple[Registration, ...] = ()


def plan_of(wanted: Interpreter, registered: Sequence[Registration], *, force: bool) -> Plan:
    """Another interpreter of the same programs stays unless ``force`` says that it goes."""
    same = next((it for it in registered if it.name == wanted.name), None)
    others = [it for it in registered if it.name != wanted.name and it.magic == wanted.magic and it.enabled]
    if same is not None and _is(same, wanted):
        return Plan("leave", "already registered") if same.enabled else Plan("enable", "enabled")
    if same is not None:
        others = [same, *others]
    if not others:
        return Plan("register", "registered")
    if not force:
        return Plan("leave", f"{_told(others[0], wanted)}; --force replaces it")
    return Plan("register", "replaced " + ", ".join(it.interpreter for it in others), tuple(others))


def _is(registration: Registration, wanted: Interpreter) -> bool:
    return (
        registration.interpreter == wanted.program
        and registration.magic == wanted.magic
        and registration.mask == wanted.mask
        and FIXED in registration.flags
    )


def _told(registration: Registration, wanted: Interpreter) -> str:
    """What is there instead, and what of it is in the way of containers."""
    name = "" if registration.name == wanted.name else f" as {registration.name}"
    text = f"left as it is: {registration.interpreter} is registered{name}"
    if FIXED not in registration.flags:
        text += f" without the flag {FIXED}, so not for containers"
    return text if registration.enabled else f"{text}, but disabled"
