"""Fixtures of the tests that run containers without an engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Rig, new_rig, root_file_system


@pytest.fixture(scope="module")
def rootfs() -> Iterator[Path]:
    with root_file_system() as path:
        yield path


@pytest.fixture
def rig(rootfs: Path) -> Iterator[Rig]:
    with new_rig(rootfs) as one:
        yield one
