"""Where things are on this machine, and what it lacks.

A test run has one id, made by the first pytest process and inherited by its workers. Everything the run
makes outside its temporary folder carries that id in its name, so that the leak check at the end sees what
is ours on a machine that others use too.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

_REFERENCE = "20.10"
_RUN_VARIABLE = "SCOW_TEST_RUN"
RUNTIME_VARIABLE = "SCOW_TEST_RUNTIME"
PROJECT = Path(__file__).parents[2]
# apt, runc and mkfs live in sbin, which is not in everybody's PATH.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


def run_id() -> str:
    """Short name of this test run, shared by its pytest workers."""
    return os.environ.setdefault(_RUN_VARIABLE, f"st{os.getpid()}")


def run_dir() -> Path:
    """Sockets, exec roots and logs of this run: on tmpfs, with a path short enough for a unix socket."""
    base = Path("/dev/shm") if os.path.ismount("/dev/shm") else Path("/run")
    return base / f"scow-{run_id()}"


def disk_dir() -> Path:
    """Files behind the loop devices of this run."""
    return Path(os.environ.get("SCOW_TEST_TMP", "/var/tmp")) / f"scow-{run_id()}"


def cache_dir() -> Path:
    """Test images, kept between runs."""
    return Path(os.environ.get("SCOW_TEST_CACHE", "/var/cache/scow-tests"))


def default_runtime() -> tuple[str, ...]:
    """Options of a scowd for the runtime that the tests were asked to use (``--runtime``)."""
    name = os.environ.get(RUNTIME_VARIABLE)
    return ("--default-runtime", name) if name else ()


def program(name: str) -> str:
    """Path of one of scow's own programs, as installed beside the Python that runs the tests."""
    return str(Path(sys.executable).parent / name)


def clean_environment(home: Path) -> dict[str, str]:
    """Environment for a client: an empty home, no credentials, contexts or plugins of the person's."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "SCOW_", "BUILDX_"))}
    return keep | {
        "HOME": str(home),
        "DOCKER_CONFIG": str(home / ".docker"),
        "DOCKER_CLI_HINTS": "false",
        "DOCKER_BUILDKIT": "0",
        "LC_ALL": "C.UTF-8",
    }


@functools.cache
def root_lacks() -> str:
    """Why containers cannot run here, or an empty string."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("ip", "nsenter", "mkfs.ext4", "losetup", "busybox"):
        if not shutil.which(tool):
            return f"{tool} is not installed: scripts/setup test"
    if not os.path.exists("/dev/loop-control"):
        return "no loop devices in this kernel"
    return ""


@functools.cache
def reference_lacks() -> str:
    """Why dockerd cannot serve as the reference, or an empty string."""
    if os.environ.get("SCOW_TEST_REFERENCE") == "0":
        return "SCOW_TEST_REFERENCE=0"
    if not shutil.which("dockerd"):
        return "dockerd is not installed: scripts/setup test"
    told = subprocess.run(["dockerd", "--version"], capture_output=True, text=True).stdout
    if f" {_REFERENCE}." not in told:
        return f"dockerd is not {_REFERENCE}, whose words and ways the tests know: {told.strip()}"
    return ""
