"""Bodies of ``/scow/binfmt``: interpreters of other machines' programs."""

from scow.spec.engine_api.body import Body


class Emulator(Body, kw_only=True):
    """One interpreter. ``status``: ``enabled`` or ``disabled`` in the kernel, ``available`` in a package."""

    name: str
    platforms: list[str] = []
    """Of images; none where none are made for the machine."""
    status: str
    interpreter: str
    flags: str = ""


class Emulators(Body, kw_only=True):
    """All that there are. ``platforms`` are those whose programs run here, the machine's own first."""

    platforms: list[str]
    emulators: list[Emulator]
    switched_off: bool = False
    """The kernel uses none of them."""


class EmulatorsWanted(Body, kw_only=True):
    """``architectures`` in images' or qemu's words, or ``all``. ``force`` replaces other interpreters."""

    architectures: list[str] = []
    force: bool = False


class EmulatorChange(Body, kw_only=True):
    """What was done about one interpreter."""

    name: str
    platforms: list[str] = []
    outcome: str
    failed: bool = False


class EmulatorChanges(Body, kw_only=True):
    """In the order in which it was done."""

    changes: list[EmulatorChange] = []
