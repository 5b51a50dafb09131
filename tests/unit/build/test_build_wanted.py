"""Which files of a context a build asks its client for: never less than its steps read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.build.frontend.wanted import all_vertices, context_paths
from scow.build.graph.ops import BaseOp, ContextSource, CopyOp, MakeFolderOp, Mount, RunOp, Vertex

CONTEXT = ContextSource("context")
BASE = Vertex(BaseOp("debian", "sha256:base"))


def copy(*sources: str, base: Vertex = BASE, tree: str = "context", parents: bool = False) -> Vertex:
    op = CopyOp(sources, "/to", into_folder=True, parents=parents)
    return Vertex(op, base, tuple(ContextSource(tree) for _ in sources))


def run(base: Vertex, *mounts: Mount) -> Vertex:
    return Vertex(RunOp(("true",), (), "/", "", mounts=mounts), base)


@pytest.mark.parametrize(
    ("target", "paths"),
    [
        (copy("src", "setup.py"), ("src", "setup.py")),
        (copy("./src/", "/setup.py"), ("src", "setup.py")),
        (copy("*.py", "a?/b"), ("*.py", "a?/b")),
        (copy("."), ()),
        (copy("/"), ()),
        (copy("src", base=copy(".")), ()),
        (copy("src/../other"), ()),
        (copy("src", parents=True), ()),
        (run(copy("src"), Mount("bind", "/m", context="context")), ()),
        (run(copy("src"), Mount("bind", "/m", context="other")), ("src",)),
        (copy("src", tree="context other"), None),
        (run(BASE), None),
        (BASE, None),
    ],
)
def test_paths_of_a_context(target: Vertex, paths: tuple[str, ...] | None) -> None:
    assert context_paths(target, "context") == paths


def test_a_copy_whose_sources_are_not_counted_one_by_one_takes_all_of_them() -> None:
    """Heredocs share one source: which pattern belongs to which is not known."""
    vertex = Vertex(CopyOp(("a", "b"), "/to", into_folder=True), BASE, (CONTEXT,))
    assert context_paths(vertex, "context") == ()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Vertex, list[str]]:
    """A target among many vertices, and all sources that COPYs take from the context."""
    names = st.text("ab/.*", min_size=1, max_size=5)
    made = [BASE]
    wanted: list[str] = []
    for _ in range(draw(st.integers(1, 8))):
        base = draw(st.sampled_from(made))
        if draw(st.booleans()):
            sources = tuple(draw(st.lists(names, min_size=1, max_size=3)))
            made.append(copy(*sources, base=base))
        else:
            others = tuple(draw(st.lists(st.sampled_from(made), max_size=2)))
            made.append(Vertex(MakeFolderOp("/d"), base, others))
    for vertex in all_vertices(made[-1]):
        wanted += vertex.op.sources if isinstance(vertex.op, CopyOp) else ()
    return made[-1], wanted


@given(graphs())
def test_whatever_a_copy_names_is_asked_for(graph: tuple[Vertex, list[str]]) -> None:
    target, sources = graph
    paths = context_paths(target, "context")
    assert (paths is None) == (not sources)
    if paths:
        assert {it.strip("/").removeprefix("./") for it in sources} == set(paths)
        assert "" not in paths
        assert "." not in paths


@given(graphs())
def test_each_vertex_of_a_graph_comes_once_and_its_target_first(graph: tuple[Vertex, list[str]]) -> None:
    target, _ = graph
    found = list(all_vertices(target))
    assert found[0] is target
    assert len(set(found)) == len(found)
    for vertex in found:
        needed = (vertex.base, *vertex.sources)
        assert {it for it in needed if isinstance(it, Vertex)} <= set(found)
