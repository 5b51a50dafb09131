"""What is said of a build is what its graph, its bases and its request say, and no value of a secret."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scow.build.attest.provenance import V1
from scow.build.evaluate.base import BaseImage
from scow.build.export.attestations import Attestation
from scow.build.export.documents import Described
from scow.build.frontend.built_image import BuiltImage, Outcome
from scow.build.frontend.client_folders import ClientFolders
from scow.build.frontend.options import read_options
from scow.build.frontend.told import Telling
from scow.build.frontend.vouching import Vouching
from scow.build.frontend.workbench import Workbench
from scow.build.graph.job import Result
from scow.build.graph.ops import (
    BaseOp,
    ContextSource,
    CopyOp,
    DownloadSource,
    GitSource,
    Mount,
    RunOp,
    Vertex,
)
from scow.build.workshop import Workshop
from scow.image.leases import Lease
from scow.spec.digest import chain_ids, sha256_of
from scow.spec.frontend_build import BuildClient, FrontendRequest
from scow.spec.platform import Platform
from scow.tasks import TaskOwner

HOST = Platform("linux", "amd64")
DIFF_IDS = tuple(sha256_of(name) for name in (b"base", b"copy", b"run"))
BASE_CHAIN, COPY_CHAIN, RUN_CHAIN = chain_ids(DIFF_IDS)
BASE = Vertex(BaseOp("debian:12", BASE_CHAIN), name="FROM debian:12")
URL, GIT = "https://example.com/a.tar", "https://example.com/repo.git"


class Downloads:
    """Knows what was found at addresses."""

    def __init__(self, digests: Mapping[str, Mapping[str, str]]) -> None:
        self._digests = digests

    def digests_of(self, address: str) -> dict[str, str]:
        return dict(self._digests.get(address, {}))


def vouching(options: Mapping[str, str], digests: Mapping[str, Mapping[str, str]] | None = None) -> Vouching:
    images = SimpleNamespace(layer_diff_ids=lambda chain_id: DIFF_IDS if chain_id == RUN_CHAIN else ())
    workshop = SimpleNamespace(downloads=Downloads(digests or {}), platform=HOST, images=images)
    return Vouching(
        Workbench(
            workshop=cast(Workshop, workshop),
            request=FrontendRequest(options, cast(BuildClient, None), lambda _: None),
            options=read_options(options),
            telling=Telling(lambda _: None),
            folders=cast(ClientFolders, None),
            lease=cast(Lease, None),
            tasks=cast(TaskOwner, None),
            stack=AsyncExitStack(),
        )
    )


def outcome(target: Vertex, results: Mapping[Vertex, Result] | None = None, *bases: BaseImage) -> Outcome:
    image = BuiltImage(HOST, b"{}", RUN_CHAIN, target, base_layers=1)
    return Outcome((image,), results or {}, bases, "Dockerfile", b"FROM debian:12\n", 1, 2)


def copy(*sources: ContextSource | DownloadSource | GitSource, base: Vertex = BASE) -> Vertex:
    return Vertex(CopyOp(("/",) * len(sources), "/", into_folder=True), base, sources, name="COPY")


def run(*mounts: Mount, base: Vertex = BASE, network: str = "default") -> Vertex:
    return Vertex(RunOp(("make",), (), "/", "", network, mounts=mounts), base, name="RUN make")


def said(target: Vertex, options: Mapping[str, str] | None = None, *bases: BaseImage, **digests: Any) -> Any:
    """What the record of a build has of its only image."""
    ((kind, document),) = vouching(options or {}, digests.get("digests")).history(
        outcome(target, None, *bases)
    )
    assert kind == V1
    return document


def dependencies(document: Any) -> list[tuple[str, dict[str, str]]]:
    return [(it["uri"], it["digest"]) for it in document["buildDefinition"]["resolvedDependencies"]]


def request_of(document: Any) -> Any:
    return document["buildDefinition"]["externalParameters"]["request"]


def test_bases_are_named_as_packages_by_what_a_registry_has_them_by() -> None:
    known = BaseImage("debian:12", BASE_CHAIN, None, "sha256:11", "sha256:22", Platform("linux", "arm64"))
    own = BaseImage("mine", BASE_CHAIN, None, "sha256:33")
    assert dependencies(said(BASE, {}, known, own, known)) == [
        ("pkg:docker/debian@12?platform=linux%2Farm64", {"sha256": "22"}),
        ("pkg:docker/mine@latest?platform=linux%2Famd64", {"sha256": "33"}),
    ]


def test_what_steps_fetched_is_named_once_each() -> None:
    first = copy(DownloadSource(URL), GitSource(GIT, "main"))
    again = copy(DownloadSource(URL), GitSource(GIT), base=first)
    digests = {URL: {"sha256": "aa"}, f"{GIT}#main": {"sha1": "bb"}, GIT: {"sha1": "cc"}}
    assert dependencies(said(again, digests=digests)) == [
        (URL, {"sha256": "aa"}),
        (GIT, {"sha1": "cc"}),
        (f"{GIT}#main", {"sha1": "bb"}),
    ]


def test_a_remote_context_is_where_the_dockerfile_came_from() -> None:
    address = f"{GIT}#main"
    document = said(copy(ContextSource("context")), {"context": address}, digests={address: {"sha1": "bb"}})
    assert dependencies(document) == [(address, {"sha1": "bb"})]
    source = document["buildDefinition"]["externalParameters"]["configSource"]
    assert source == {"uri": address, "digest": {"sha1": "bb"}, "path": "Dockerfile"}
    assert request_of(document)["locals"] == []


@pytest.mark.parametrize(
    ("target", "folders"),
    [
        (BASE, ["dockerfile"]),
        (copy(ContextSource("context")), ["context", "dockerfile"]),
        (copy(ContextSource("context assets")), ["assets", "context", "dockerfile"]),
    ],
)
def test_folders_of_the_client(target: Vertex, folders: list[str]) -> None:
    assert [it["name"] for it in request_of(said(target))["locals"]] == folders


def test_secrets_and_agents_are_named_and_optional_only_if_no_step_needs_them() -> None:
    needed, optional = (Mount("secret", "/s", id="token", required=it) for it in (True, False))
    target = run(needed, base=run(optional, Mount("secret", "/o", id="other"), base=run(optional)))
    target = run(Mount("ssh", "/a", id="default", required=True), base=target)
    found = request_of(said(target))
    assert found["secrets"] == [{"id": "other", "optional": True}, {"id": "token"}]
    assert found["ssh"] == [{"id": "default"}]


@pytest.mark.parametrize(
    ("target", "hermetic"),
    [
        (BASE, True),
        (run(network="none"), True),
        (run(network="none", base=run()), False),
        (run(network="host"), False),
    ],
)
def test_a_build_is_hermetic_if_no_program_had_a_network(target: Vertex, hermetic: bool) -> None:
    assert said(target)["runDetails"]["metadata"]["buildkit_hermetic"] is hermetic


def test_what_the_client_says_of_its_repository_is_no_argument() -> None:
    document = said(BASE, {"vcs:revision": "abc", "build-arg:A": "1"})
    assert document["runDetails"]["metadata"]["buildkit_metadata"]["vcs"] == {"revision": "abc"}
    assert request_of(document)["args"] == {"build-arg:A": "1"}


def attested(
    options: Mapping[str, str], target: Vertex, results: Mapping[Vertex, Result]
) -> list[Attestation]:
    (found,) = asyncio.run(vouching(options).attestations(outcome(target, results)))
    return list(found)


def test_nothing_vouches_for_an_image_unless_that_is_asked_for() -> None:
    assert attested({}, BASE, {}) == []


def test_layers_are_named_by_the_step_that_made_them_when_they_are_packed() -> None:
    copied = copy(ContextSource("context"))
    target = run(base=copied)
    results = {
        BASE: Result(BASE_CHAIN), copied: Result(COPY_CHAIN), target: Result(RUN_CHAIN),
    }  # fmt: skip
    (attestation,) = attested({"attest:provenance": "mode=max"}, target, results)
    layers = [Described("application/layer", it, 1) for it in DIFF_IDS]
    statement = json.loads(attestation.with_layers(layers).statement([]))
    packed = statement["predicate"]["runDetails"]["metadata"]["buildkit_metadata"]["layers"]
    made = sorted(len(blobs) for (blobs,) in packed.values())
    assert made == [1, 2, 3]
    assert [[it["digest"] for it in blobs] for (blobs,) in packed.values() if len(blobs) == 2] == [
        list(DIFF_IDS[:2])
    ]
    assert attestation.predicate["runDetails"]["metadata"]["buildkit_metadata"]["layers"] == {}


def test_a_step_that_an_image_does_not_stand_on_has_none_of_its_layers() -> None:
    other = run(base=Vertex(BaseOp("other", None), name="FROM other"))
    target = Vertex(CopyOp(("/",), "/", into_folder=True), BASE, (other,), name="COPY --from")
    results = {other: Result(sha256_of(b"elsewhere")), target: Result(RUN_CHAIN)}
    (attestation,) = attested({"attest:provenance": "mode=max"}, target, results)
    layers = [Described("application/layer", it, 1) for it in DIFF_IDS]
    predicate = attestation.with_layers(layers).predicate
    packed = predicate["runDetails"]["metadata"]["buildkit_metadata"]["layers"]
    assert [len(blobs) for (blobs,) in packed.values()] == [3]
