"""What a front end returns: one result, or one for each platform, with what it says of them.

See exporter/containerimage of BuildKit: exptypes/parse.go, and writer.go for the configs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scow.build.evaluate.base import BaseImage
from scow.build.frontend.built_image import BuiltImage, Outcome
from scow.build.frontend.definition_build import CONFIG, config_of, layers_of
from scow.build.frontend.platform_list import PLATFORMS, platform_of_config, read_platforms
from scow.build.graph.job import Result
from scow.build.graph.ops import BaseOp, Vertex
from scow.errors import InvalidArgumentError
from scow.image.store import ImageStore
from scow.spec.platform import Platform


@dataclass(frozen=True, slots=True)
class Part:
    """One of the results: an image of a build that is held, ``None`` for nothing at all."""

    outcome: Outcome
    image: BuiltImage


def joined_outcome(
    parts: Mapping[str, Part | None], metadata: Mapping[str, bytes], host: Platform, images: ImageStore
) -> Outcome:
    """What ``parts`` are together, by their keys; "" is that of the only one. Times are those of the whole.

    Raises InvalidArgumentError for metadata that say nothing, or something else than there is.
    """
    is_map = "" not in parts
    if is_map and PLATFORMS not in metadata:
        raise InvalidArgumentError("unable to export multiple refs, missing platforms mapping")
    listed = _listed(metadata, host)
    if not is_map and len(listed) > 1:
        raise InvalidArgumentError("cannot export multiple platforms without multi-platform enabled")
    found = []
    for key, platform in listed.items():
        if is_map and key not in parts:
            raise InvalidArgumentError(f"failed to find ref for ID {key}")
        given = metadata.get(f"{CONFIG}/{key}", metadata.get(CONFIG))
        found.append(_described(parts[key if is_map else ""], platform, given, images))
    used = [part.outcome for part in parts.values() if part is not None]
    return _together(tuple(found), used)


def _listed(metadata: Mapping[str, bytes], host: Platform) -> dict[str, Platform]:
    """The platforms by their keys, in order."""
    if (listed := metadata.get(PLATFORMS)) is not None:
        return read_platforms(listed)
    platform = platform_of_config(metadata.get(CONFIG), host)
    return {str(platform): platform}


def _described(part: Part | None, platform: Platform, given: bytes | None, images: ImageStore) -> BuiltImage:
    """An image with the config that the front end gave it; what it says nothing of has an empty one."""
    if part is None:
        raw = config_of(given, platform, (), ())
        return BuiltImage(platform, raw, None, Vertex(BaseOp("scratch", None)), base_layers=0)
    image = replace(part.image, platform=platform)
    if given == image.raw_config:
        return image
    made: Iterable[dict[str, Any]] = image.made or layers_of(image.vertex, part.outcome.results, images)
    raw = config_of(given, platform, images.layer_diff_ids(image.chain_id), made)
    return replace(image, raw_config=raw, base_layers=0, made=tuple(made))


def _together(images: tuple[BuiltImage, ...], used: list[Outcome]) -> Outcome:
    results: dict[Vertex, Result] = {}
    bases: dict[tuple[str, Platform | None], BaseImage] = {}
    for outcome in used:
        results |= outcome.results
        bases |= {(it.reference, it.platform): it for it in outcome.bases}
    source = next(((it.dockerfile, it.source) for it in used if it.dockerfile), ("", b""))
    started_ns = min((it.started_ns for it in used), default=0)
    finished_ns = max((it.finished_ns for it in used), default=0)
    return Outcome(images, results, tuple(bases.values()), *source, started_ns, finished_ns)
