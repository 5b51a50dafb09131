"""Start-up of an image store: what is stored meets what is on disk.

    directory, no record      an arrival or a removal was cut off: removed
    record, no directory      somebody deleted files: reported, the layer and what stands on it left out,
                              the records kept; loading or pulling the image again heals it
    record, no user           a removal was cut off between its two transactions: removed, unless an image
                              was left out, which may be their user
    config damaged            reported, the image left out

Blocks; runs before anything else knows the store.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from scow.errors import ScowError
from scow.image.catalog import Catalog
from scow.image.content import ContentStore
from scow.image.layers import LayerStore
from scow.image.model import ImageRecord, LayerRecord, image_from_config
from scow.image.parts import StoreParts
from scow.image.platforms import Platforms, PlatformsRecord
from scow.image.rootfs import RootfsStore
from scow.spec.digest import chain_ids
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.reference import parse_reference


@dataclass(frozen=True, slots=True)
class Restored:
    """What start-up found: what is wrong, a sentence each, and layers that may go."""

    problems: list[str]
    unused: list[str]


def restore(parts: StoreParts) -> Restored:
    """Fill the layers, file systems, roots and catalog of ``parts``."""
    problems = _restore_layers(parts)
    problems += [f"root {name} is left out: a layer is missing" for name in parts.roots.restore()]
    images = {
        key: msgspec.json.decode(body, type=ImageRecord) for key, body in parts.store.load(parts.kinds.image)
    }
    left_out = [*_restore_images(parts, images), *_restore_indexes(parts)]
    for name, body in parts.store.load(parts.kinds.tag):
        if parts.catalog.knows(target := body.decode()):
            parts.catalog.set_name(parse_reference(name), target)
    parts.content.keep_only(images)
    return Restored(problems + left_out, [] if left_out else parts.layers.unused())


def _restore_layers(parts: StoreParts) -> list[str]:
    layers, rootfs = parts.layers, parts.rootfs
    stored = parts.store.load(parts.kinds.layer)
    records = {key: msgspec.json.decode(body, type=LayerRecord) for key, body in stored}
    rootfs.restore()
    known = {record.snapshot for record in records.values()}
    known.update(rootfs.init_snapshots().values(), rootfs.stacks())
    recovered = parts.driver.recover(known)
    missing = set(recovered.missing)
    problems = [f"removed left-over directory {snapshot}" for snapshot in recovered.removed]
    whole = _whole_stacks(records, missing)
    problems += [f"layer {chain_id} has no directory" for chain_id in records if chain_id not in whole]
    layers.remove_lost_recipes(known)
    layers.restore({chain_id: records[chain_id] for chain_id in whole})
    return problems + _restore_rootfs(rootfs, layers, missing)


def _whole_stacks(records: dict[str, LayerRecord], missing: set[str]) -> list[str]:
    """Layers that are there with all that is below them."""
    verdicts: dict[str, bool] = {}
    for start in records:
        path = []
        chain_id: str | None = start
        while chain_id in records and chain_id not in verdicts:
            path.append(chain_id)
            chain_id = records[chain_id].parent
        whole = chain_id is None or verdicts.get(chain_id, False)
        for passed in reversed(path):
            whole = whole and records[passed].snapshot not in missing
            verdicts[passed] = whole
    return [chain_id for chain_id, whole in verdicts.items() if whole]


def _restore_rootfs(rootfs: RootfsStore, layers: LayerStore, missing: set[str]) -> list[str]:
    problems = []
    for chain_id, snapshot in rootfs.init_snapshots().items():
        if snapshot in missing:
            rootfs.forget_init(chain_id)
    for key, chain_id in rootfs.stacks().items():
        if key in missing:
            problems.append(f"container {key} has no directory")
        if chain_id is None or chain_id in layers:
            layers.hold(chain_id)
        else:
            problems.append(f"container {key} stands on layer {chain_id}, which is missing")
    return problems


def _restore_images(parts: StoreParts, images: Mapping[str, ImageRecord]) -> Iterator[str]:
    for image_id, record in images.items():
        if problem := _restore_image(image_id, record, parts.content, parts.layers, parts.catalog):
            yield problem


def _restore_indexes(parts: StoreParts) -> Iterator[str]:
    for index_id, body in parts.store.load(parts.kinds.index):
        index = Platforms(index_id, msgspec.json.decode(body, type=PlatformsRecord))
        if all(image_id in parts.catalog for image_id in index.image_ids):
            parts.catalog.put_index(index)
        else:
            yield f"image {index_id} is left out: a variant is missing"


def _restore_image(
    image_id: str, record: ImageRecord, content: ContentStore, layers: LayerStore, catalog: Catalog
) -> str | None:
    try:
        config = decode_document(content.get(image_id), ImageConfig, "config")
    except (OSError, ScowError) as exc:
        return f"image {image_id} is left out: {exc}"
    chain_id = chain_ids(config.rootfs.diff_ids)[-1] if config.rootfs.diff_ids else None
    if chain_id is not None and chain_id not in layers:
        return f"image {image_id} is left out: layer {chain_id} is missing"
    layers.hold(chain_id)
    catalog.put(image_from_config(image_id, config, record, chain_id, layers.sizes(chain_id)))
    return None
