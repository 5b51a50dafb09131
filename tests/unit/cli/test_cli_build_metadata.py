"""``--metadata-file``, progress for programs, and what this machine remembers of runs of bake."""

import base64
import json
from pathlib import Path

import pytest

from scow.cli.building.context import BuildContext
from scow.cli.building.local_state import LocalStates, Member, state_of
from scow.cli.building.metadata import (
    decoded,
    provenance_mode,
    wants_warnings,
    warnings_as_metadata,
    write_metadata,
)
from scow.cli.building.status_values import solve_status

DAY = "1970-01-01T00:00:"


@pytest.mark.parametrize(
    ("text", "mode"),
    [("", "min"), ("max", "max"), ("disabled", "disabled"), ("0", "disabled"), ("true", "min"), ("x", "min")],
)
def test_how_much_provenance_is_wanted(text: str, mode: str) -> None:
    assert provenance_mode({"BUILDX_METADATA_PROVENANCE": text}) == mode


def test_warnings_are_wanted_where_that_is_said() -> None:
    assert not wants_warnings({})
    assert wants_warnings({"BUILDX_METADATA_WARNINGS": "1"})
    assert not wants_warnings({"BUILDX_METADATA_WARNINGS": "perhaps"})


def test_documents_are_documents() -> None:
    def packed(value: object) -> str:
        return base64.b64encode(json.dumps(value).encode()).decode()

    given = {
        "containerimage.descriptor": packed({"size": 1}),
        "list": packed([{"a": 1}]),
        "empty": packed({}),
        "containerimage.digest": "sha256:12",
        "result.json": '{"a": 1}',
        "already": {"a": 1},
    }
    found = decoded(given)
    assert found == {
        **given,
        "containerimage.descriptor": {"size": 1},
        "list": [{"a": 1}],
        "result.json": {"a": 1},
    }


def test_a_warning_is_told_once() -> None:
    place = {"file_name": "Dockerfile", "text": "RlJPTQ==", "first_line": 2, "last_line": 3}
    warning = {
        "digest": "sha256:1",
        "short": "Rule: x",
        "detail": "why",
        "url": "u",
        "level": 1,
        "place": place,
    }
    assert warnings_as_metadata([warning, {**warning, "digest": "sha256:2"}]) == [
        {
            "level": 1,
            "short": base64.b64encode(b"Rule: x").decode(),
            "detail": [base64.b64encode(b"why").decode()],
            "url": "u",
            "sourceInfo": {"filename": "Dockerfile", "data": "RlJPTQ=="},
            "range": [{"start": {"line": 2}, "end": {"line": 3}}],
        }
    ]


@pytest.mark.parametrize(
    ("kind", "event", "told"),
    [
        (
            "vertex",
            {"digest": "sha256:1", "name": "n", "inputs": ["sha256:0"], "started_ns": 1_500_000_000},
            {
                "vertexes": [
                    {"digest": "sha256:1", "inputs": ["sha256:0"], "name": "n", "started": f"{DAY}01.5Z"}
                ]
            },
        ),
        (
            "transfer",
            {"id": "i", "digest": "sha256:1", "current": 0, "total": 2, "at_ns": 10**9},
            {
                "statuses": [
                    {"id": "i", "current": 0, "vertex": "sha256:1", "total": 2, "timestamp": f"{DAY}01Z"}
                ]
            },
        ),
        (
            "output",
            {"digest": "sha256:1", "stream": 2, "data": "eA==", "at_ns": 10**9},
            {"logs": [{"vertex": "sha256:1", "stream": 2, "data": "eA==", "timestamp": f"{DAY}01Z"}]},
        ),
    ],
)  # fmt: skip
def test_progress_for_programs(kind: str, event: dict[str, object], told: dict[str, object]) -> None:
    assert solve_status(kind, event) == told


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    write_metadata(str(tmp_path / "link"), {"b": 1, "a": 2})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == '{\n  "a": 2,\n  "b": 1\n}'
    assert sorted(it.name for it in tmp_path.iterdir()) == ["link", "real"]


def test_a_group_goes_with_the_last_of_its_builds(tmp_path: Path) -> None:
    states = LocalStates(str(tmp_path))
    context = BuildContext(folder="/src", path="/src/Dockerfile")
    members = [Member("a", "group"), Member("b", "group"), Member("c")]
    for member, builder in zip(members, ("one", "two", "one"), strict=True):
        states.save((builder, "node"), member.ref, state_of(context, member))
    states.save_group("group", ["a", "b"], [members[0].ref, members[1].ref])
    group = tmp_path / "refs/__group__/group"
    assert json.loads(group.read_text())["Targets"] == ["a", "b"]
    kept = states.read(("one", "node"), members[0].ref)
    assert kept is not None
    assert (kept.target, kept.context, kept.dockerfile, kept.group) == (
        "a",
        "/src",
        "/src/Dockerfile",
        "group",
    )
    states.forget_builder("one")
    assert group.exists()
    assert states.read(("one", "node"), members[0].ref) is None
    states.save_group("lonely", [], [members[1].ref])
    lonely = Member("d", "lonely")
    states.save(("three", "node"), lonely.ref, state_of(context, lonely))
    states.forget_builder("three")
    assert not (tmp_path / "refs/__group__/lonely").exists()


def test_a_password_of_an_address_is_not_remembered() -> None:
    context = BuildContext(address="https://name:word@host/app.git#main")
    assert state_of(context, Member()).context == "https://xxxxx:xxxxx@host/app.git#main"
