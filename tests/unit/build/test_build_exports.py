"""Exports that cannot be are refused before anything is packed, named or sent."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from scow.build.export.attestations import Attestation
from scow.build.export.blobs import Spool
from scow.build.frontend.built_image import BuiltImage
from scow.build.frontend.client_folders import ClientFolders
from scow.build.frontend.exporters import Exports, Finished, stepwise
from scow.build.frontend.options import read_options
from scow.build.frontend.told import Telling
from scow.build.frontend.workbench import Workbench
from scow.build.graph.ops import BaseOp, Vertex
from scow.build.workshop import Workshop
from scow.errors import InvalidArgumentError, ScowError, UnsupportedError
from scow.image.leases import Lease
from scow.spec.build_progress import BuildProgress
from scow.spec.frontend_build import BuildClient, Exchange, FrontendRequest
from scow.spec.platform import Platform
from scow.tasks import TaskOwner

AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")


def exported(folder: Path, kind: str, attributes: Mapping[str, str], *platforms: Platform) -> ScowError:
    """How an export fails that needs nothing of the engine: no image store, no registry, no client."""
    told: list[BuildProgress] = []
    bench = Workbench(
        workshop=cast(Workshop, SimpleNamespace(images=None, folder=folder)),
        request=FrontendRequest({}, cast(BuildClient, None), told.append),
        options=read_options({}),
        telling=Telling(told.append),
        folders=cast(ClientFolders, None),
        lease=cast(Lease, None),
        tasks=cast(TaskOwner, None),
        stack=AsyncExitStack(),
    )
    nothing = Vertex(BaseOp("scratch", None))
    images = [BuiltImage(it, b"{}", None, nothing, base_layers=0) for it in platforms]
    attestations: list[tuple[Attestation, ...]] = [() for _ in images]
    found = Finished(images, attestations, as_index=len(images) > 1, epoch_s=None)
    exports = Exports(bench, Spool(folder))
    with pytest.raises(ScowError) as caught:
        asyncio.run(exports.export(found, Exchange(kind, attributes)))
    assert told == []
    assert exports.history() == ({}, [])
    return caught.value


def test_a_kind_that_there_is_not(tmp_path: Path) -> None:
    error = exported(tmp_path, "zip", {}, AMD)
    assert isinstance(error, UnsupportedError)
    assert error.message == "exporter 'zip' could not be found"


def test_an_image_without_a_name_goes_to_no_registry(tmp_path: Path) -> None:
    for kind, attributes in (("image", {"push": "true"}), ("registry", {})):
        error = exported(tmp_path, kind, attributes, AMD)
        assert isinstance(error, InvalidArgumentError)
        assert error.message == "image name is required to push"


def test_dockers_archive_has_one_platform(tmp_path: Path) -> None:
    error = exported(tmp_path, "docker", {"name": "two"}, AMD, ARM)
    assert isinstance(error, UnsupportedError)
    assert error.message == "docker exporter does not currently support exporting manifest lists"


@pytest.mark.parametrize(
    "attributes", [{"name": "UPPER"}, {"compression": "best"}, {"compression-level": "x"}]
)
def test_attributes_that_cannot_be_right(tmp_path: Path, attributes: Mapping[str, str]) -> None:
    assert isinstance(exported(tmp_path, "image", attributes, AMD), InvalidArgumentError)


def test_pieces_are_made_one_by_one_and_no_more_than_are_taken() -> None:
    made: list[int] = []
    closed: list[bool] = []

    def pieces() -> Generator[bytes, None, None]:
        try:
            for number in range(5):
                made.append(number)
                yield bytes([number])
        finally:
            closed.append(True)

    async def take_two() -> list[bytes]:
        stream = cast(AsyncGenerator[bytes, None], stepwise(pieces()))
        found = [await anext(stream), await anext(stream)]
        await stream.aclose()
        return found

    assert asyncio.run(take_two()) == [b"\0", b"\1"]
    assert (made, closed) == ([0, 1], [True])
