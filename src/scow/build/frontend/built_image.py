"""What a build came to: an image for each platform, with its config."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.stage_state import StageState
from scow.build.frontend.options import FrontendOptions
from scow.build.graph.job import Result
from scow.build.graph.ops import Vertex
from scow.build.image_config import (
    ImageParts,
    buildkit_history,
    encode_config,
    no_later_than,
    portable_config,
    rfc3339,
)
from scow.image.store import ImageStore
from scow.spec.digest import sha256_of
from scow.spec.platform import Platform

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """A result for one platform: its config, and the stack of its layers, which the lease holds.

    ``vertex`` is what it was solved from; the lowest ``base_layers`` layers are its base's. ``made`` is for a
    config that is yet to come: entries of history, one for each layer.
    """

    platform: Platform
    raw_config: bytes
    chain_id: str | None
    vertex: Vertex
    base_layers: int
    made: tuple[dict[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """Of the image that it is."""
        return sha256_of(self.raw_config)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build came to. ``bases`` are the images that it used. Times are ns since the epoch."""

    images: tuple[BuiltImage, ...]
    results: Mapping[Vertex, Result]
    bases: tuple[BaseImage, ...]
    dockerfile: str
    source: bytes
    started_ns: int
    finished_ns: int


def built_image(
    platform: Platform,
    state: StageState,
    results: Mapping[Vertex, Result],
    options: FrontendOptions,
    images: ImageStore,
) -> BuiltImage:
    """Of a stage that was solved."""
    base = state.base.config
    chain_id = results[state.vertex].chain_id
    return BuiltImage(
        platform=platform,
        raw_config=_config(state, results, options, images.layer_diff_ids(chain_id)),
        chain_id=chain_id,
        vertex=state.vertex,
        base_layers=len(base.rootfs.diff_ids) if base is not None else 0,
    )


def _config(
    state: StageState, results: Mapping[Vertex, Result], options: FrontendOptions, diff_ids: tuple[str, ...]
) -> bytes:
    """The image's config, which with a given time says nothing of when it was built."""
    if options.labels:
        state.config.labels = {**(state.config.labels or {}), **options.labels}
    history = buildkit_history(state, results)
    created = history[-1].created if history else rfc3339(time.time_ns())
    epoch_s = options.settings.epoch_s
    if epoch_s is not None:
        history = no_later_than(history, epoch_s)
        created = rfc3339(epoch_s * _NANOSECONDS)
    return encode_config(
        ImageParts(
            config=portable_config(state.config),
            architecture=state.platform.architecture,
            os=state.platform.os,
            variant=state.platform.variant,
            author=state.author,
            created=created,
            history=history,
            diff_ids=diff_ids,
        )
    )
