"""Every case, in the order in which ``all`` runs them: what the engines begin with comes first."""

from benchmarks.case import Case
from benchmarks.cases import (
    builds,
    builds_beside_buildah,
    builds_by_buildx,
    containers,
    copies,
    idle,
    images,
    networks,
    output,
    queries,
)

CASES: tuple[Case, ...] = (
    *idle.CASES,
    *containers.CASES,
    *queries.CASES,
    *output.CASES,
    *copies.CASES,
    *images.CASES,
    *networks.CASES,
    *builds.CASES,
    *builds_beside_buildah.CASES,
    *builds_by_buildx.CASES,
)
