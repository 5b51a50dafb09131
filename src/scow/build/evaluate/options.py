"""What a build says of its Dockerfile, beside the file itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scow.build.dockerfile.instructions import Stage
from scow.spec.platform import Platform

MAIN_CONTEXT = "context"
"""The name of the context that ``COPY`` without ``--from`` reads."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a build says of its Dockerfile.

    ``contexts`` are named contexts: ``docker-image://ref`` is an image, ``oci-layout://…`` and ``input:…``
    are such as the resolver knows by all of it, anything else is the name of a tree of the job.
    ``default_path``: a PATH is set where a base has none. ``shows_platform``: steps are called by their
    platform, too. ``as_buildkit``: stages that begin as others have their arguments, too, the name of a
    later stage is no image's, and ``WORKDIR /`` is no step.
    """

    build_arguments: Mapping[str, str]
    build_platform: Platform
    platform: Platform
    target: str = ""
    contexts: Mapping[str, str] = field(default_factory=dict)
    no_cache_stages: frozenset[str] = frozenset()
    default_path: bool = False
    shows_platform: bool = False
    as_buildkit: bool = False

    def is_without_cache(self, stage: Stage, index: int) -> bool:
        """``--no-cache-filter``."""
        names = {name.lower() for name in self.no_cache_stages}
        return bool(names) and (stage.name in names or str(index) in names)
