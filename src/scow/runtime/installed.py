"""Which OCI runtimes this host has, and which of them is the default: crun where it runs, else runc.

The numbers and the one obstacle are in docs/decisions/0003-crun-where-it-runs.md.
"""

import logging
import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from scow.errors import InvalidArgumentError, ScowError
from scow.linux.cgroups import CgroupHost
from scow.linux.null_device import NULL_DEVICE_KERNEL
from scow.runtime.host_facts import parse_kernel_version
from scow.runtime.oci_runtime import OciRuntime
from scow.runtime.seccomp_programs import SeccompPrograms

RUNC, CRUN = "runc", "crun"
# The oldest release that the tests have seen; Ubuntu 22.04's 0.17 is years behind.
_CRUN_AT_LEAST = (1, 8)
# What 1.8 knows; it cannot be asked, ``crun features`` came later.
_CRUN_MOUNT_OPTIONS = ("rro",)
# The place where crun looks for version 2 beside version 1 (crun 1.8, cgroup-utils.c).
_HYBRID_UNIFIED = "/sys/fs/cgroup/unified"

_log = logging.getLogger(__name__)


class RuntimeProgram(Protocol):
    """One runtime of the configuration."""

    @property
    def path(self) -> str: ...
    @property
    def args(self) -> tuple[str, ...]: ...


def installed_runtimes(
    configured: Mapping[str, RuntimeProgram], state_root: Path, host: CgroupHost
) -> dict[str, OciRuntime]:
    """Drivers by name: the configured ones, and crun where it is installed.

    A configured program that is missing is an error only when a container wants it.
    """
    programs = {name: (one.path, one.args) for name, one in configured.items()}
    if CRUN not in programs and (path := shutil.which(CRUN)):
        programs[CRUN] = (path, ())
    return {
        name: OciRuntime(
            shutil.which(path) or path,
            state_root / name,
            args,
            # A failed execve(2) crun reports as output of the container: not in JSON, please.
            log_format="text" if _is_crun(path) else "json",
            seccomp_programs=SeccompPrograms() if _is_crun(path) else None,
            sealed=_is_crun(path),
            hidden_mount=_HYBRID_UNIFIED if _is_crun(path) and _is_refused_by_crun(host) else "",
        )
        for name, (path, args) in programs.items()
    }


async def mount_options(runtime: OciRuntime) -> Collection[str]:
    """The mount options that a runtime knows, among those that not all of them do."""
    features = await runtime.features()
    if not features and _is_crun(runtime.program):
        return _CRUN_MOUNT_OPTIONS
    return features.get("mountOptions") or ()


def _is_crun(program: str) -> bool:
    return Path(program).name == CRUN


def _is_refused_by_crun(host: CgroupHost) -> bool:
    """Whether version 2 has controllers on a version 1 host: "cgroups in hybrid mode not supported"."""
    if host.version != 1 or host.unified != _HYBRID_UNIFIED:
        return False
    try:
        return bool(Path(_HYBRID_UNIFIED, "cgroup.controllers").read_text().strip())
    except OSError:
        return False


async def default_runtime(asked: str, runtimes: Mapping[str, OciRuntime]) -> str:
    """The name of the default runtime; ``asked`` is the configured one, "" for the best that works.

    Raises InvalidArgumentError for one that is not there.
    """
    if asked:
        if asked not in runtimes:
            raise InvalidArgumentError(f"specified default runtime '{asked}' does not exist")
        return asked
    if CRUN in runtimes and _null_is_safe() and await _is_new_enough(runtimes[CRUN]):
        return CRUN
    return RUNC


def _null_is_safe() -> bool:
    """Whether execs can have a /dev/null that crun cannot give to their user.

    Trying it out would take 40 ms: the kernel waits for everybody when a mount goes away.
    """
    return parse_kernel_version(os.uname().release) >= NULL_DEVICE_KERNEL


async def _is_new_enough(crun: OciRuntime) -> bool:
    """Asking for the version also shows that the program and its libraries are whole."""
    try:
        version = await crun.version()
    except ScowError as exc:
        _log.warning("crun does not run, runc is the default: %s", exc)
        return False
    return tuple(map(int, re.findall(r"\d+", version)[:2])) >= _CRUN_AT_LEAST
