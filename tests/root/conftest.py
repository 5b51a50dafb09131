"""Fixtures of the tests that run containers, store images or make bridges without an engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge_hosts import Host, bridge_host
from tests.support.disks import mounted_tmpfs, unmount_all
from tests.support.hostile_registry import HostileRegistry, hostile_registry
from tests.support.processes import Rig, new_rig, root_file_system


@pytest.fixture(scope="module")
def rootfs() -> Iterator[Path]:
    with root_file_system() as path:
        yield path


@pytest.fixture
def rig(rootfs: Path) -> Iterator[Rig]:
    with new_rig(rootfs) as one:
        yield one


@pytest.fixture
def bare_host() -> Iterator[Host]:
    """A host without a bridge so far."""
    with bridge_host() as host:
        yield host


@pytest.fixture
def host(bare_host: Host) -> Host:
    bare_host.start()
    return bare_host


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A tmpfs of the test's own, of the module's ``DISK_SIZE``; goes with whatever is mounted below it."""
    with mounted_tmpfs(tmp_path / "disk", getattr(request.module, "DISK_SIZE", "256m")) as folder:
        yield folder
        unmount_all(folder)


@pytest.fixture
def registry() -> Iterator[HostileRegistry]:
    """One that does as it is told."""
    with hostile_registry() as found:
        yield found
