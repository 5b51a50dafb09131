"""What is told of an engine as a builder, also where it answers one question and not the next."""

from pathlib import Path

import pytest

from scow.api.client.client import Client
from scow.api.client.endpoint import parse_endpoint
from scow.cli.building.engine_facts import facts_of
from tests.support.fake_engine import fake_engine

VERSION = {"Platform": {"Name": "scow"}, "Version": "1", "Os": "linux", "Arch": "amd64"}


@pytest.mark.parametrize(
    ("answer", "platforms"),
    [
        ((200, {"Platforms": ["linux/amd64", "linux/arm64"]}), ["linux/amd64", "linux/arm64"]),
        ((404, {"message": "page not found"}), ["linux/amd64"]),
    ],
)
def test_an_engine_without_the_list_is_told_of_all_the_same(
    tmp_path: Path, answer: tuple[int, object], platforms: list[str]
) -> None:
    with fake_engine(tmp_path / "s") as engine:
        engine.answers["GET /version"] = (200, VERSION)
        engine.answers["GET /scow/binfmt"] = answer
        client = Client(parse_endpoint(engine.host))
        found = facts_of(client)
        client.close()
    assert (found.status, found.platforms) == ("running", platforms)
