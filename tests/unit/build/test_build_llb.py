"""Definitions of LLB become vertices: what they are, and what is refused by name."""

import pytest

from scow.build.graph.cache import Record
from scow.build.graph.ops import (
    BaseOp,
    ContextSource,
    CopyFiles,
    DownloadSource,
    FileOp,
    GitSource,
    PickOp,
    RunOp,
    Vertex,
)
from scow.build.graph.settings import Settings
from scow.build.llb.definition import read_definition
from scow.build.llb.sources import FileWanted, FolderWanted, ImageWanted, source_wanted
from scow.build.llb.translate import Begun, Translation, Tree
from scow.errors import InvalidArgumentError, ScowError, UnsupportedError
from scow.spec.digest import sha256_of
from scow.spec.llb import (
    NOTHING,
    CdiDevice,
    Definition,
    FileAction,
    FileCopy,
    FileMake,
    Ignored,
    Input,
    Mount,
    Op,
    OpMetadata,
    SourceOp,
    WorkerConstraints,
)
from scow.spec.llb import FileOp as FileOpMessage
from tests.support.llb import SCRATCH, State, copy, diff, files, folder, image, make, merge, shell, source

BUSYBOX = image("busybox")
BASE = Vertex(BaseOp("busybox", "sha256:base"), name="busybox")
CONTEXT = Tree(ContextSource("local"))


def translated(state: State, **begun: Begun) -> Vertex:
    """The vertex of a state; ``begun`` is what sources came to, by the scheme of their identifiers."""
    operations = read_definition(state.definition())
    found = {"docker_image": BASE, "local": CONTEXT, **begun}
    sources = {
        digest: found[it.op.source.identifier.partition(":")[0].replace("-", "_")]
        for digest, it in operations.operations.items()
        if it.op.source is not None
    }
    return Translation(operations, sources, Settings()).result


def test_operations_come_after_those_that_they_need() -> None:
    state = shell(files(BUSYBOX, make("/a", b"")), "true")
    definition = state.definition()
    *rest, last = definition.operations
    shuffled = Definition((*reversed(rest), last), definition.metadata)
    assert list(read_definition(shuffled).operations) == list(read_definition(definition).operations)


def test_a_graph_of_any_depth_is_read() -> None:
    state = BUSYBOX
    operations = [state]
    for number in range(3000):
        state = State(
            Op(file=FileOpMessage((FileAction(0, NOTHING, 0, mkfile=FileMake(f"/{number}")),))), (state,)
        )
        operations.append(state)
    data: list[bytes] = []
    digest = ""
    for it in operations:
        assert it.op is not None
        inputs = (Input(digest),) if digest else ()
        data.append(Op(inputs=inputs, source=it.op.source, file=it.op.file).encode())
        digest = sha256_of(data[-1])
    found = read_definition(Definition((*data, Op(inputs=(Input(digest),)).encode())))
    assert len(found.operations) == 3001


def test_a_program_has_as_many_results_as_kept_mounts() -> None:
    mounts = [(Mount(dest="/o", output=1), SCRATCH), (Mount(dest="/p", output=2), BUSYBOX)]
    state = shell(BUSYBOX, "true", mounts=mounts)
    ran = translated(state)
    assert isinstance(ran.op, RunOp)
    assert (ran.base, ran.op.others, ran.op.keeps) == (BASE, 2, True)
    second = translated(state.output(2))
    assert second.op == PickOp(1)
    read = shell(BUSYBOX, "true", mounts=[(Mount(dest="/r", output=1, readonly=True), BUSYBOX)])
    assert translated(read.output(1)) is BASE
    with pytest.raises(InvalidArgumentError, match="invalid output index 3"):
        translated(state.output(3))


def test_actions_that_follow_each_other_are_one_vertex() -> None:
    made = translated(files(SCRATCH, folder("/d"), make("/d/f", b""), copy("/x", "/"), others=[BUSYBOX]))
    assert isinstance(made.op, FileOp)
    assert (len(made.op.actions), made.base, made.sources) == (3, None, (BASE,))


def test_what_two_actions_need_is_a_vertex_of_its_own() -> None:
    actions = (
        FileAction(0, NOTHING, NOTHING, mkfile=FileMake("/a")),
        FileAction(1, NOTHING, 0, mkfile=FileMake("/b")),
        FileAction(1, 2, 1, copy=FileCopy("/b", "/c", mode=-1, timestamp=-1)),
    )
    state = State(Op(file=FileOpMessage(actions)), (BUSYBOX,))
    first, second = translated(state), translated(state.output(1))
    for vertex in (first, second):
        assert vertex.base is not None
        assert vertex.base.base is BASE
    assert isinstance(second.op, FileOp)
    (copied,) = second.op.actions
    assert isinstance(copied, CopyFiles)
    assert isinstance(second.sources[copied.from_], Vertex)


def test_files_from_elsewhere_are_copied_as_they_come() -> None:
    local = source("local://context")
    copied = translated(files(SCRATCH, copy("/a", "/"), others=[local]))
    assert copied.sources == (ContextSource("local"),)
    below = translated(files(local, make("/a", b""))).base
    assert below is not None
    assert below.sources == (ContextSource("local"),)


def test_merges_and_differences_name_what_they_are_of() -> None:
    assert translated(merge(BUSYBOX, shell(BUSYBOX, "true"))).sources[0] is BASE
    assert [it.name for it in translated(diff(SCRATCH, BUSYBOX)).sources] == ["scratch", "busybox"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (Op(), "unknown kind"),
        (Op(source=SourceOp("local://x"), constraints=WorkerConstraints(("label==x",))), "label==x"),
    ],
)
def test_what_is_not_honoured_is_named(op: Op, message: str) -> None:
    data = op.encode()
    last = Op(inputs=(Input(sha256_of(data)),)).encode()
    with pytest.raises(ScowError, match=message):
        read_definition(Definition((data, last)))


def test_devices_and_limits_of_single_steps_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="gpu"):
        translated(shell(BUSYBOX, "true", cdi_devices=(CdiDevice("vendor/gpu=0"),)))
    with pytest.raises(UnsupportedError, match="linux_resources"):
        read_definition(shell(BUSYBOX, "true", metadata=OpMetadata(linux_resources=Ignored())).definition())


def test_sources() -> None:
    assert source_wanted(SourceOp("docker-image://x", {"image.resolvemode": "pull"})) == ImageWanted(
        "x", True
    )
    folder_wanted = source_wanted(SourceOp("local://c", {"local.excludepatterns": '["a"]'}))
    assert isinstance(folder_wanted, FolderWanted)
    assert folder_wanted.choice.exclude == ("a",)
    fetched = source_wanted(SourceOp("https://h/f", {"http.perm": "0640"}))
    assert fetched == FileWanted(DownloadSource("https://h/f"), 0o640)
    cloned = source_wanted(
        SourceOp("git://h/r#main:sub", {"git.fullurl": "https://h/r", "git.keepgitdir": "true"})
    )
    assert cloned == GitSource("https://h/r", "main", "sub", keep_git_dir=True)


@pytest.mark.parametrize(
    ("identifier", "attributes", "message"),
    [
        ("docker-image://x", {"image.layerlimit": "1"}, "image.layerlimit"),
        ("local://x", {"local.excludepatterns": "["}, "local.excludepatterns"),
        ("http://h/f", {"http.filename": "../f"}, "http.filename"),
        ("http://h/f", {"http.uid": "-1"}, "http.uid"),
        ("http://h/f", {"http.checksum": "md5"}, "checksum"),
        ("git://h/r", {"git.authtokensecret": "OTHER"}, "GIT_AUTH_TOKEN"),
        ("git://h/r", {"git.bundle": "x"}, "git.bundle"),
        ("scow-layers://x", {}, "digest"),
        ("ftp://h", {}, "unknown scheme ftp"),
    ],
)
def test_sources_that_are_refused(identifier: str, attributes: dict[str, str], message: str) -> None:
    with pytest.raises(ScowError, match=message):
        source_wanted(SourceOp(identifier, attributes))


def test_each_result_of_a_program_is_kept() -> None:
    record = Record(
        key="k", family="f", base="", contents=(), chain_id="a", parent=None, description="", created_ns=1,
        others=("b", None, "c"),
    )  # fmt: skip
    assert record.roots() == {"build/k": "a", "build/k/0": "b", "build/k/2": "c"}
