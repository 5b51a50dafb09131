"""Fixtures of the tests that run containers, or a bridge for them, without an engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge_hosts import Host, bridge_host
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
