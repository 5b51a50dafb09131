"""What the command line makes of records of builds: names, filters, pages; and of its options for builds."""

import pytest

from scow.api.client.build_values import progress_of
from scow.api.grpc.buildkit.progress import StatusResponse, VertexLog, VertexMessage
from scow.cli.building.debugging import parse_invoked
from scow.cli.building.flags import FLAGS
from scow.cli.building.local_state import LocalState, LocalStates, new_ref
from scow.cli.building.resources import resource_options
from scow.cli.exits import CommandError
from scow.cli.history.filters import RecordFilters
from scow.cli.history.naming import build_name
from scow.cli.history.page import duration_text, record_page, tabbed
from scow.cli.main import main
from scow.cli.parser import parse_flags
from scow.spec.build_history import BuildRecord, FailureEntry
from scow.spec.build_progress import OutputTold, VertexTold


def state(context: str, dockerfile: str = "") -> LocalState:
    return LocalState("default", context, dockerfile)


@pytest.mark.parametrize(
    ("attributes", "known", "name"),
    [
        ({}, state("/work/app", "/work/app/Dockerfile"), "app"),
        ({"target": "test"}, state("/work/app", "/work/app/Dockerfile"), "app (test)"),
        ({}, state("/work/app", "/work/app/docker/web.Dockerfile"), "app/docker/web.Dockerfile"),
        ({}, state("/work/app", "/elsewhere/x/Dockerfile"), "x"),
        ({}, state("/work/app", "/elsewhere/x/Other"), "x/Other"),
        ({}, state("-", "-"), ""),
        ({"target": "only"}, None, "only"),
        ({"context": "https://host/x.git"}, None, "https://host/x.git"),
        ({"filename": "sub/Other"}, None, "sub/Other"),
        ({"vcs:source": "https://host/x.git"}, None, "https://host/x.git"),
        ({"build-arg:BUILDKIT_BUILD_NAME": "mine", "target": "x"}, None, "mine"),
    ],
)
def test_what_a_build_is_called(attributes: dict[str, str], known: LocalState | None, name: str) -> None:
    assert build_name(attributes, known) == name


def record(error: str = "", **changes: object) -> BuildRecord:
    failure = FailureEntry(code=2, message=error) if error else None
    found: dict[str, object] = {"ref": "abc", "frontend": "", "attributes": {}, "exporters": []}
    found |= {"created_ns": 10**18, "completed_ns": 10**18 + 60 * 10**9, "error": failure}
    return BuildRecord(**{**found, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "sent", "matches"),
    [
        ("ref=b", "ref~=b", True),
        ("ref!=abc", "ref!=abc", False),
        ("status=completed", "status==completed", True),
        ("status=canceled", "status==canceled", False),
        ("duration>=1m", "duration>=1m", True),
        ("duration<1m", "duration<1m", False),
        ("startedAt<1h", "startedAt<1h", True),
        ("completedAt>2030-01-01T00:00:00Z", "completedAt>2030-01-01T00:00:00Z", False),
    ],
)
def test_filters_are_sent_and_applied(text: str, sent: str, matches: bool) -> None:
    filters = RecordFilters([text])
    assert filters.sent == (sent,)
    assert filters.match(record()) is matches


def test_several_filters_are_one_line_of_csv() -> None:
    assert RecordFilters(["ref=a,b", "status=error"]).sent == ('"ref~=a,b",status==error',)
    assert RecordFilters([]).sent == ()
    assert RecordFilters(["status=canceled"]).match(record("context canceled"))


@pytest.mark.parametrize("text", ["ref", "x=1", "ref>1", "duration=1s", "duration>long", "startedAt<soon"])
def test_filters_that_are_none(text: str) -> None:
    with pytest.raises(CommandError, match=r"ERROR: (invalid|unsupported)"):
        RecordFilters([text])


def test_a_page() -> None:
    document = {
        "Name": "app", "Ref": "abc", "Platform": ["linux/amd64", "linux/arm64"],
        "StartedAt": "2026-01-02T03:04:05.6Z", "Duration": 65 * 10**9, "Status": "failed",
        "Error": {"Code": 5, "Message": "not here", "Name": "RUN x", "Logs": ["last"], "Sources": "at\n"},
        "NumCompletedSteps": 3, "NumTotalSteps": 4, "NumCachedSteps": 1,
        "BuildArgs": [{"Name": "A", "Value": "1"}],
        "Config": {"NoCache": True, "Memory": "1048576", "RestRaw": [{"Name": "x", "Value": "y"}]},
    }  # fmt: skip
    page = record_page(document, "scow", with_ref=True)
    assert page == (
        "Name:\t\tapp\nRef:\t\tabc\nPlatforms:\tlinux/amd64, linux/arm64\n\n"
        "Started:\t2026-01-02 03:04:05\nDuration:\t1m  5s\nError:\t\tNotFound not here\n"
        "Build Steps:\t3/4 (25% cached)\n\n"
        "No Cache:\ttrue\nMemory:\t\t1MiB\nx:\t\ty\n\nBUILD ARG\tVALUE\nA\t\t1\n\n"
        "at\nLogs:\n> => RUN x:\n> last\n\nPrint build logs: scow buildx history logs abc\n"
    )
    assert "Ref:" not in record_page(document, "scow", with_ref=False)


def test_columns_and_durations() -> None:
    assert tabbed([("a", "b"), ("12345678", "c")]) == "a\t\tb\n12345678\tc\n"
    assert duration_text(1_500_000_000) == "1.5s"


def test_where_builds_came_from_is_remembered(tmp_path: object) -> None:
    states = LocalStates(str(tmp_path))
    place, ref = ("default", "default"), new_ref()
    states.save(place, ref, state("/work/app", "/work/app/Dockerfile"))
    found = states.read(place, ref)
    assert found is not None
    assert (found.context, found.dockerfile) == ("/work/app", "/work/app/Dockerfile")
    assert states.read(place, "../../x") is None
    states.forget_builder("default")
    assert states.read(place, ref) is None
    assert len(ref) == 25
    assert ref.isalnum()


def test_what_was_told_is_in_order_again() -> None:
    message = StatusResponse(
        vertexes=(VertexMessage("1", (), "RUN", False, 10, 30),), logs=(VertexLog("1", 20, 1, b"x"),)
    )
    told = progress_of(message)
    assert [type(it) for it in told] == [VertexTold, OutputTold, VertexTold]


def test_resources() -> None:
    words = ["--resource", "memory=64m", "--resource", "memory-swap=-1", "--resource", "cpu-quota=50000"]
    flags = parse_flags(FLAGS, [*words, "--cpuset-cpus", "0", "."])
    wanted = {"memory": "67108864", "memswap": "-1", "cpuquota": "50000", "cpusetcpus": "0"}
    assert resource_options(flags) == wanted
    for text in ("memory", "rubbish=1", "memory=much", "cpu-quota=x"):
        with pytest.raises(CommandError, match="invalid resource"):
            resource_options(parse_flags(FLAGS, ["--resource", text, "."]))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["buildx", "hi"], "history\tCommands to work on build records"),
        (["buildx", "history", "in"], "inspect\tInspect a build record"),
        (["buildx", "history", "inspect", "--f"], "--format\tFormat the output"),
        (["buildx", "history", "inspect", "attachment", "--t"], "--type\tType of attachment"),
        (["buildx", "imagetools", "in"], "inspect\tShow details of an image in the registry"),
    ],
)
def test_words_of_buildx_are_completed(
    capfd: pytest.CaptureFixture[str], words: list[str], wanted: str
) -> None:
    main("scow", ["__complete", *words])
    assert capfd.readouterr().out.splitlines()[:-1] == [wanted]


def test_what_is_invoked() -> None:
    invoked = parse_invoked("entrypoint=/bin/bash,args=-l,env=A=b,user=1,cwd=/x")
    words = invoked.words("image", "/bin/sh")
    assert words[2:] == ["--entrypoint", "/bin/bash", "-e", "A=b", "-u", "1", "-w", "/x", "image", "-l"]
    assert parse_invoked("/bin/ash").entrypoint == "/bin/ash"
    assert parse_invoked("on-error").entrypoint == ""
    with pytest.raises(CommandError, match='unknown key "tty"'):
        parse_invoked("entrypoint=a,tty=true")
