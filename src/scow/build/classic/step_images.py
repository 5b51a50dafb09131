"""The images of a classic build's instructions: found, or made and recorded when the build ends.

An image is found as Docker does it: one that is here, was made from the same parent in the same words, and
has the config that is wanted. With ``--cache-from`` only what the named images' own histories give counts.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from scow.build.classic.history_cache import HistoryCache
from scow.build.evaluate.stage_state import StageState
from scow.build.graph.job import Job
from scow.build.image_config import ImageParts, encode_config, rfc3339
from scow.image.model import Image
from scow.image.store import ImageStore
from scow.spec.digest import sha256_of
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.oci_image import History


@dataclass(frozen=True, slots=True)
class Step:
    """What an instruction came to; ``id`` is empty for ``scratch``."""

    id: str
    history: tuple[History, ...]
    chain_id: str | None


@dataclass(frozen=True, slots=True)
class _Made:
    raw: bytes
    parent: str


class StepImages:
    """Of one build. ``cache_images`` are those of ``--cache-from``, ``None`` without it."""

    def __init__(self, images: ImageStore, job: Job, cache_images: Sequence[Image] | None) -> None:
        self._images = images
        self._job = job
        self._history_cache = HistoryCache(cache_images or ())
        self._looks_here = job.use_cache and cache_images is None
        self._made: dict[str, _Made] = {}

    def base(self, state: StageState) -> Step:
        """What a stage begins as."""
        return Step(state.base.id, tuple(state.base_history), state.base.chain_id)

    def find(self, state: StageState, text: str, before: Step, chain_id: str | None) -> Step | None:
        """An image that was made so before, of this stack of layers."""
        if not self._looks_here or not before.id:
            return None
        wanted = msgspec.json.encode(_config(state, before))
        for image_id in self._images.children(before.id):
            image = self._images.get(image_id)
            if (
                image.history
                and image.history[-1].created_by == text
                and image.chain_id == chain_id
                and msgspec.json.encode(image.config) == wanted
            ):
                return Step(image.id, image.history, image.chain_id)
        return None

    def find_in_history(self, state: StageState, text: str, before: Step) -> Step | None:
        """The step as one of the images of ``--cache-from`` has it; its layers are held."""
        layers = self._images.layer_diff_ids(before.chain_id)
        hit = self._history_cache.find(before.history, layers, text)
        if hit is None:
            return None
        self._job.lease.hold(hit.chain_id)
        return self._take(state, before, hit.entry, hit.chain_id)

    def make(
        self,
        state: StageState,
        text: str,
        before: Step,
        chain_id: str | None,
        *,
        created_ns: int = 0,
        empty: bool = True,
    ) -> Step:
        """A new image; ``created_ns`` 0 is now."""
        created = rfc3339(created_ns or time.time_ns())
        entry = History(created=created, created_by=text, author=state.author, empty_layer=empty)
        return self._take(state, before, entry, chain_id)

    async def record(self) -> None:
        """Record what was made, each after the one that it was made from."""
        for made in self._made.values():
            await self._images.record(self._job.lease, made.raw, (), parent=made.parent or None)

    def _take(self, state: StageState, before: Step, entry: History, chain_id: str | None) -> Step:
        history = (*before.history, entry)
        raw = encode_config(
            ImageParts(
                config=_config(state, before),
                architecture=state.platform.architecture,
                os=state.platform.os,
                variant=state.platform.variant,
                author=state.author,
                created=entry.created,
                history=history,
                diff_ids=self._images.layer_diff_ids(chain_id),
            )
        )
        step = Step(sha256_of(raw), history, chain_id)
        self._made[step.id] = _Made(raw, before.id)
        return step


def _config(state: StageState, before: Step) -> ContainerConfig:
    """Docker notes the parent in it."""
    return msgspec.structs.replace(state.config, image=before.id)
