"""A pytest plugin for suites of other people: runs in the clients' environment, which does not have scow.

SUITE_ARCHIVE    a Docker archive, loaded again before a test for which one of its images is gone: suites
                 remove and prune what they expect a registry to bring back
SUITE_LEFT_OUT   a file with one regular expression a line, two spaces, ``#`` and the reason: tests left out
"""

import http.client
import json
import os
import re
import socket
import tarfile
from pathlib import Path

import pytest


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))


def _ask(method: str, target: str, body: bytes = b"") -> bytes:
    connection = _Connection("engine", timeout=120)
    connection.request(method, target, body, {"Content-Type": "application/x-tar"} if body else {})
    return connection.getresponse().read()


class _Images:
    """The images that each test is to find."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        with tarfile.open(archive) as tar:
            manifest = tar.extractfile("manifest.json")
            assert manifest is not None
            self._names = {name for image in json.load(manifest) for name in image["RepoTags"]}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        images = json.loads(_ask("GET", "/images/json"))
        if not self._names <= {name for image in images for name in image["RepoTags"] or ()}:
            _ask("POST", "/images/load?quiet=1", self._archive.read_bytes())


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Images(Path(os.environ["SUITE_ARCHIVE"])))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lines = Path(os.environ["SUITE_LEFT_OUT"]).read_text().splitlines()
    left_out = [re.compile(line.partition("  #")[0]) for line in lines if line and not line.startswith("#")]
    gone = [item for item in items if any(pattern.search(item.nodeid) for pattern in left_out)]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if item not in gone]
