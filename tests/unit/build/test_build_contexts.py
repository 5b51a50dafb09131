"""Where a build's files come from: the client's folders, what it uploads, results of graphs."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from scow.build.frontend.client_folders import ClientFolders
from scow.build.frontend.contexts import Contexts, InputTrees
from scow.build.frontend.options import read_options
from scow.build.frontend.told import Telling
from scow.build.frontend.workbench import Workbench
from scow.build.trees.kept_archives import KeptArchives
from scow.build.trees.memory import MemoryTree
from scow.build.trees.tree import Tree
from scow.build.workshop import Workshop
from scow.errors import ScowError, UnsupportedError
from scow.image.leases import Lease
from scow.spec.build_progress import BuildProgress, VertexTold
from scow.spec.frontend_build import BuildClient, FrontendRequest
from scow.tasks import TaskOwner

T = TypeVar("T")
FROM = b"FROM scratch\n"


class Uploader:
    """A client whose folders are all at hand: it is asked for what it uploads, and for nothing else."""

    shared_key = ""

    def __init__(self, uploads: Mapping[str, bytes]) -> None:
        self._uploads = uploads

    async def upload(self, address: str) -> AsyncIterator[bytes]:
        yield self._uploads[address]


class Inputs:
    """Results of graphs, by name."""

    def __init__(self, trees: Mapping[str, Tree]) -> None:
        self._trees = trees

    def __contains__(self, name: str) -> bool:
        return name in self._trees

    async def tree(self, name: str) -> Tree:
        return self._trees[name]


class Door:
    """A build's contexts: ``folders`` are the client's, by the names that it has for them."""

    def __init__(self, place: Path, **folders: Mapping[str, bytes]) -> None:
        self.place = place
        self.folders = {name: MemoryTree(files) for name, files in folders.items()}
        self.uploads: dict[str, bytes] = {}
        self.inputs: InputTrees | None = None
        self.told: list[BuildProgress] = []

    def on(self, options: Mapping[str, str], work: Callable[[Contexts], Awaitable[T]]) -> T:
        return asyncio.run(self._on(options, work))

    async def _on(self, options: Mapping[str, str], work: Callable[[Contexts], Awaitable[T]]) -> T:
        async with AsyncExitStack() as stack:
            client = cast(BuildClient, Uploader(self.uploads))
            folder = self.place / "contexts"
            archives = KeptArchives(self.place / "archives")
            bench = Workbench(
                workshop=cast(Workshop, SimpleNamespace(folder=folder)),
                request=FrontendRequest(options, client, self.told.append),
                options=read_options(options),
                telling=Telling(self.told.append),
                folders=ClientFolders(client, archives, folder, stack, self.folders),
                lease=cast(Lease, None),
                tasks=cast(TaskOwner, None),
                stack=stack,
            )
            return await work(Contexts(bench, self.inputs))

    def names(self) -> list[str]:
        """What the client was told to have gone on, in order."""
        return [it.name for it in self.told if isinstance(it, VertexTold) and it.completed_ns is None]


def paths(tree: Tree, folder: str = "") -> list[str]:
    return [it.path for it in tree.children(folder)]


async def both(contexts: Contexts) -> tuple[str, list[str]]:
    """The Dockerfile, and the names in the context."""
    return await contexts.dockerfile(), paths(await contexts.main(()))


def archive(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


def test_the_clients_own_folders(tmp_path: Path) -> None:
    context = {"a": b"", "b": b"", ".dockerignore": b"b"}
    door = Door(tmp_path, dockerfile={"Dockerfile": FROM}, context=context)
    assert door.on({}, both) == (FROM.decode(), [".dockerignore", "a"])
    assert door.names() == [
        "[internal] load build definition from Dockerfile",
        "[internal] load .dockerignore",
        "[internal] load build context",
    ]


def test_an_ignore_file_of_the_dockerfiles_own_is_the_only_one(tmp_path: Path) -> None:
    door = Door(
        tmp_path,
        dockerfile={"prod.df": FROM, "prod.df.dockerignore": b"a"},
        context={"a": b"", "b": b"", ".dockerignore": b"b"},
    )
    assert door.on({"filename": "prod.df"}, both) == (FROM.decode(), [".dockerignore", "b"])


def test_names_that_the_client_has_for_its_folders(tmp_path: Path) -> None:
    door = Door(tmp_path, mine={"Dockerfile": FROM}, other={"a": b""}, context={}, dockerfile={})
    assert door.on({"contextkey": "other", "dockerfilekey": "mine"}, both) == (FROM.decode(), ["a"])


def test_a_dockerfile_that_is_not_there(tmp_path: Path) -> None:
    door = Door(tmp_path, dockerfile={"dockerfile": FROM}, context={})
    assert door.on({}, lambda it: it.dockerfile()) == FROM.decode()
    with pytest.raises(ScowError) as caught:
        door.on({"filename": "Other"}, lambda it: it.dockerfile())
    assert caught.value.message == "failed to read dockerfile: open Other: no such file or directory"


def test_an_archive_that_the_client_uploads(tmp_path: Path) -> None:
    door = Door(tmp_path)
    address = "http://buildkit-session/abc"
    door.uploads[address] = archive({"Dockerfile": FROM, "a": b"x", "b": b"", ".dockerignore": b"b"})
    text, found = door.on({"context": address}, both)
    assert (text, found) == (FROM.decode(), [".dockerignore", "Dockerfile", "a"])
    assert door.names() == [f"[internal] load remote build context {address}"]


def test_a_part_of_an_archive(tmp_path: Path) -> None:
    door = Door(tmp_path)
    address = "http://buildkit-session/abc"
    door.uploads[address] = archive({"app/Dockerfile": FROM, "app/a": b"x", "b": b""})
    assert door.on({"context": address, "contextsubdir": "app"}, both) == (
        FROM.decode(),
        ["Dockerfile", "a"],
    )


def test_a_dockerfile_that_is_uploaded_alone(tmp_path: Path) -> None:
    """``docker build - < Dockerfile``: whatever the client calls it."""
    door = Door(tmp_path)
    address = "http://buildkit-session/abc"
    door.uploads[address] = FROM
    assert door.on({"context": address, "filename": "Other"}, both)[0] == FROM.decode()


def test_a_dockerfile_beside_an_uploaded_context(tmp_path: Path) -> None:
    """``docker build -f /elsewhere/Dockerfile -``: then it comes from its own folder."""
    address = "http://buildkit-session/abc"
    door = Door(tmp_path, dockerfile={"Dockerfile": FROM})
    door.uploads[address] = archive({"Dockerfile": b"FROM other\n", "a": b""})
    text, found = door.on({"context": address, "dockerfilekey": "dockerfile"}, both)
    assert (text, found) == (FROM.decode(), ["Dockerfile", "a"])


def test_results_of_graphs_as_contexts(tmp_path: Path) -> None:
    door = Door(tmp_path, dockerfile={"Dockerfile": b"FROM other\n"})
    door.inputs = Inputs({"context": MemoryTree({"a": b"", "Dockerfile": FROM, ".dockerignore": b"a"})})
    # The Dockerfile is still the client's.
    assert door.on({}, both) == ("FROM other\n", [".dockerignore", "Dockerfile"])
    door.inputs = Inputs({"context": MemoryTree({"a": b""}), "dockerfile": MemoryTree({"Dockerfile": FROM})})
    assert door.on({}, both) == (FROM.decode(), ["a"])


def test_named_contexts(tmp_path: Path) -> None:
    door = Door(tmp_path, base={"x": b""}, second={"y": b""})
    meanings, trees = door.on(
        {
            "context:Base": "local:base",
            "context:two": "local:second",
            "context:image": "docker-image://debian:12",
            "context:layout": "oci-layout://name@sha256:0",
            "context:graph": "input:graph",
        },
        lambda it: it.named(),
    )
    assert meanings == {
        "base": "context base",
        "two": "context two",
        "image": "docker-image://debian:12",
        "layout": "oci-layout://name@sha256:0",
        "graph": "input:graph",
    }
    assert {name: paths(tree) for name, tree in trees.items()} == {
        "context base": ["x"],
        "context two": ["y"],
    }
    assert door.names() == ["[context Base] load from client", "[context two] load from client"]


def test_a_named_context_of_a_kind_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as caught:
        Door(tmp_path).on({"context:it": "ftp://somewhere"}, lambda it: it.named())
    assert caught.value.message == "unsupported context source ftp for it"


def test_what_a_context_keeps_on_disk_goes_with_the_build(tmp_path: Path) -> None:
    door = Door(tmp_path)
    address = "http://buildkit-session/abc"
    door.uploads[address] = archive({"Dockerfile": FROM, "big": b"x" * (1 << 20)})

    async def read(contexts: Contexts) -> Any:
        await contexts.dockerfile()
        return await contexts.main(())

    door.on({"context": address}, read)
    assert [it for it in (tmp_path / "contexts").rglob("*") if it.is_file()] == []
