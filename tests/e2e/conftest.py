"""Fixtures of the modules that kill scowd before every step of an operation."""

from collections.abc import Iterator

import pytest

from tests.support.daemons import running
from tests.support.fault_daemon import FaultDaemon


@pytest.fixture(scope="module")
def fault_daemon() -> Iterator[FaultDaemon]:
    """The module's scowd with a fault point."""
    with running(FaultDaemon) as daemon:
        assert isinstance(daemon, FaultDaemon)
        yield daemon


@pytest.fixture
def killed_engine(fault_daemon: FaultDaemon) -> Iterator[FaultDaemon]:
    """It for one test, which may leave it dead."""
    yield fault_daemon
    if not fault_daemon.running:
        fault_daemon.start()
