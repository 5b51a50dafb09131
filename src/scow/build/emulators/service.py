"""``scow binfmt``: registers interpreters of other machines' programs with the engine's kernel."""

import asyncio
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from scow.build.emulators.choosing import choose, choose_registered
from scow.build.emulators.offered import FOLDERS, Interpreter, offered
from scow.build.emulators.plan import Plan, plan_of
from scow.build.foreign_platforms import architectures_of, is_elf, platforms_here
from scow.errors import ConflictError, PermissionDeniedError, ScowError, UnsupportedError
from scow.image.threads import run_to_end
from scow.linux import binfmt_misc
from scow.linux.binfmt_misc import HeldRegistrations, Registration
from scow.spec.engine_api.binfmt import Emulator, EmulatorChange, EmulatorChanges, Emulators, EmulatorsWanted
from scow.spec.platform import Platform

_FORBIDDEN = (errno.EPERM, errno.EACCES, errno.EROFS)


class EmulatorService:
    """One change at a time: two would meet half-way."""

    def __init__(
        self, own: Platform, registrations: HeldRegistrations, packages: Iterable[Path] = FOLDERS
    ) -> None:
        self._own = own
        self._registrations = registrations
        self._packages = tuple(packages)
        self._lock = asyncio.Lock()

    async def list(self) -> Emulators:
        """What the kernel has, then what packages have besides."""
        return await run_to_end(self._list)

    async def install(self, wanted: EmulatorsWanted) -> EmulatorChanges:
        """Register, all or what is named. Raises NotFoundError, PermissionDeniedError, ConflictError."""
        async with self._lock:
            return await run_to_end(self._install, wanted)

    async def remove(self, wanted: EmulatorsWanted) -> EmulatorChanges:
        """Take registrations back. Raises NotFoundError."""
        async with self._lock:
            return await run_to_end(self._remove, wanted)

    @property
    def _place(self) -> Path:
        """Where the kernel's files are to be found now."""
        return self._registrations.folder

    def _list(self) -> Emulators:
        place = self._place
        registered = [it for it in binfmt_misc.read_registrations(place) if is_elf(it.magic)]
        names = {it.name for it in registered}
        return Emulators(
            platforms=[str(it) for it in platforms_here(self._own, place)],
            emulators=[
                *map(_registered, registered),
                *(_available(it) for it in offered(self._packages) if it.name not in names),
            ],
            switched_off=binfmt_misc.is_mounted(place) and binfmt_misc.is_switched_off(place),
        )

    def _install(self, wanted: EmulatorsWanted) -> EmulatorChanges:
        chosen, natives = choose(wanted.architectures, offered(self._packages), self._own)
        changes = [EmulatorChange(name=it, outcome="runs here without") for it in natives]
        if chosen:
            self._make_usable()
        registered = binfmt_misc.read_registrations(self._place)
        for interpreter in chosen:
            plan = plan_of(interpreter, registered, force=wanted.force)
            changes.append(self._carried_out(plan, interpreter))
        return EmulatorChanges(changes=changes)

    def _make_usable(self) -> None:
        place = self._registrations.place
        try:
            binfmt_misc.mount_here(place)
            switched_off = binfmt_misc.is_switched_off(place)
        except OSError as exc:
            raise _unusable(exc, place) from exc
        if switched_off:
            raise ConflictError(
                f"all interpreters are switched off on the engine's machine: echo 1 >{place}/status"
            )

    def _carried_out(self, plan: Plan, interpreter: Interpreter) -> EmulatorChange:
        platforms = _platforms(interpreter.architectures)
        try:
            if plan.action == "register":
                os.stat(interpreter.program)  # before what is there goes
                for it in plan.removed:
                    binfmt_misc.remove(it.name, self._place)
                binfmt_misc.register(interpreter.line, self._place)
            elif plan.action == "enable":
                binfmt_misc.enable(interpreter.name, self._place)
        except OSError as exc:
            return EmulatorChange(
                name=interpreter.name, platforms=platforms, outcome=_failure(exc), failed=True
            )
        return EmulatorChange(name=interpreter.name, platforms=platforms, outcome=plan.outcome)

    def _remove(self, wanted: EmulatorsWanted) -> EmulatorChanges:
        registered = binfmt_misc.read_registrations(self._place)
        changes = []
        for it in choose_registered(wanted.architectures, registered):
            platforms = _platforms(architectures_of(it.magic))
            try:
                binfmt_misc.remove(it.name, self._place)
            except OSError as exc:
                outcome = _failure(exc)
                changes.append(
                    EmulatorChange(name=it.name, platforms=platforms, outcome=outcome, failed=True)
                )
            else:
                changes.append(EmulatorChange(name=it.name, platforms=platforms, outcome="removed"))
        return EmulatorChanges(changes=changes)


def _registered(it: Registration) -> Emulator:
    return Emulator(
        name=it.name,
        platforms=_platforms(architectures_of(it.magic)),
        status="enabled" if it.enabled else "disabled",
        interpreter=it.interpreter,
        flags=it.flags,
    )


def _available(it: Interpreter) -> Emulator:
    return Emulator(
        name=it.name,
        platforms=_platforms(it.architectures),
        status="available",
        interpreter=it.program,
    )


def _platforms(architectures: Iterable[tuple[str, str]]) -> list[str]:
    return [str(Platform("linux", *it)) for it in architectures]


def _unusable(exc: OSError, place: Path) -> ScowError:
    reason = (exc.strerror or str(exc)).lower()
    if exc.errno == errno.ENODEV:
        return UnsupportedError(f"the kernel of the engine's machine has no binfmt_misc: {reason}")
    if exc.errno in _FORBIDDEN:
        return PermissionDeniedError(
            f"binfmt_misc cannot be mounted at {place}: {reason}; an engine in a container may not, that of "
            "the machine may"
        )
    return ScowError(f"binfmt_misc cannot be used at {place}: {reason}")


def _failure(exc: OSError) -> str:
    where = f"{exc.filename}: " if exc.filename else ""
    return f"failed: {where}{(exc.strerror or str(exc)).lower()}"
