"""Fixtures of the tests that drive engines with the real buildx."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.buildx import Buildx
from tests.support.daemons import Daemon


@pytest.fixture(params=["scow_daemon", "present_dockerd"])
def buildkit_engine(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """scowd, and dockerd 26.1, which proves the test right."""
    daemon: Daemon = request.getfixturevalue(request.param)
    yield daemon
    daemon.remove_containers()


@pytest.fixture
def build(buildkit_engine: Daemon, tmp_path: Path) -> Buildx:
    """The real buildx on ``buildkit_engine``, with a context of its own."""
    context = tmp_path / "context"
    context.mkdir()
    return Buildx(buildkit_engine, context)
