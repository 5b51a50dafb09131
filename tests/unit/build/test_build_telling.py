"""A build's progress as BuildKit's clients read it."""

import pytest

from scow.build.frontend.told import Telling
from scow.build.graph.ops import BaseOp, ContextSource, CopyOp, MakeFolderOp, RunOp, Vertex
from scow.build.graph.progress import STDOUT, Done, Output, Started, Transfer
from scow.errors import ScowError
from scow.spec.build_progress import BuildProgress, OutputTold, TransferTold, VertexTold

BASE = Vertex(BaseOp("debian", "sha256:base"), name="FROM debian")
COPY = Vertex(
    CopyOp(("a",), "/", into_folder=True), BASE, (ContextSource("context"),), name="[build  2/3] COPY a /"
)
RUN = Vertex(RunOp(("true",), (), "/", ""), COPY, name="[build  3/3] RUN true")


class Told:
    """What the client heard."""

    def __init__(self) -> None:
        self.all: list[BuildProgress] = []
        self.telling = Telling(self.all.append)

    def vertices(self) -> list[VertexTold]:
        return [it for it in self.all if isinstance(it, VertexTold)]


def test_a_step_is_known_by_one_digest_from_its_start_to_its_end() -> None:
    told = Told()
    told.telling(Started(COPY, 10))
    told.telling(Output(COPY, STDOUT, b"text", 11))
    told.telling(Transfer(COPY, "file", 1, 2, 12))
    told.telling(Done(COPY, 20, True, "nothing changed"))
    begun, output, transfer, ended = told.all
    assert isinstance(begun, VertexTold)
    assert isinstance(ended, VertexTold)
    assert (begun.name, begun.started_ns, begun.completed_ns) == (COPY.name, 10, None)
    assert (ended.started_ns, ended.completed_ns, ended.cached) == (10, 20, True)
    assert output == OutputTold(begun.digest, STDOUT, b"text", 11)
    assert isinstance(transfer, TransferTold)
    assert begun.digest == ended.digest == transfer.digest


def test_a_step_names_those_that_it_needs_but_not_what_was_there_before() -> None:
    told = Told()
    told.telling(Started(COPY, 1))
    told.telling(Started(RUN, 2))
    copied, ran = told.vertices()
    assert copied.inputs == ()
    assert ran.inputs == (copied.digest,)


def test_steps_of_the_same_words_are_two() -> None:
    told = Told()
    for vertex in (Vertex(MakeFolderOp("/a"), name="WORKDIR /a") for _ in range(2)):
        told.telling(Started(vertex, 1))
    first, second = told.vertices()
    assert first.digest != second.digest


def test_a_base_is_the_first_of_its_stages_steps() -> None:
    told = Told()
    told.telling.bases([RUN, COPY, BASE])
    (base,) = told.vertices()
    assert base.name == "[build  1/3] FROM debian"
    assert base.completed_ns is not None
    told.telling(Started(COPY, 1))
    assert told.vertices()[-1].inputs == (base.digest,)


def test_digests_of_the_clients_own_are_kept() -> None:
    told = Told()
    told.telling.know({COPY: "sha256:his"})
    told.telling.found(BASE, "sha256:base")
    told.telling(Started(COPY, 1))
    base, copied = told.vertices()
    assert (copied.digest, copied.inputs) == ("sha256:his", (base.digest,))


def test_what_failed_is_the_first_that_was_not_given_up() -> None:
    told = Told()
    told.telling(Done(COPY, 1, False, "", "context canceled"))
    assert told.telling.failed is None
    told.telling(Done(RUN, 2, False, "", "exit code: 1"))
    told.telling(Done(BASE, 3, False, "", "late"))
    assert told.telling.failed is RUN


def test_a_step_that_prints_too_much_is_clipped_by_stream() -> None:
    told = Told()
    told.telling(Started(RUN, 0))  # long ago: only the limit of 2 MiB counts
    for _ in range(3):
        told.telling(Output(RUN, 1, b"x" * (1 << 20), 1))
    told.telling(Output(RUN, 2, b"still here", 1))
    outputs = [it for it in told.all if isinstance(it, OutputTold)]
    printed = b"".join(it.data for it in outputs if it.stream == 1)
    assert printed.endswith(b"\n[output clipped, log limit 2MiB reached]\n")
    assert printed.count(b"x") == 2 << 20
    assert outputs[-1].data == b"still here"


def test_something_beside_the_graph_ends_with_its_block() -> None:
    told = Told()
    with told.telling.internal("[internal] load build context") as internal:
        internal.step("part")
    begun, ended = told.vertices()
    assert begun.digest == ended.digest
    assert (ended.error, ended.completed_ns is None) == ("", False)
    with pytest.raises(ScowError), told.telling.internal("[internal] other"):
        raise ScowError("cannot be had")
    assert told.vertices()[-1].error == "cannot be had"
    with pytest.raises(KeyboardInterrupt), told.telling.internal("[internal] other"):
        raise KeyboardInterrupt
    assert told.vertices()[-1].error == "context canceled"
    assert len({it.digest for it in told.vertices()}) == 3
