"""Start-up of an image store: what is stored meets what is on disk.

    directory, no record      an arrival or a removal was cut off: removed
    record, no directory      somebody deleted files: reported, the layer and what stands on it left out,
                              the records kept; loading or pulling the image again heals it
    record, no user           a removal was cut off between its two transactions: removed, unless an image
                              was left out, which may be their user
    config damaged            reported, the image left out

Blocks; runs before anything else knows the store.
"""

from dataclasses import dataclass

import msgspec

from scow.errors import ScowError
from scow.image.catalog import Catalog
from scow.image.content import ContentStore
from scow.image.layers import LayerStore
from scow.image.model import ImageRecord, LayerRecord, image_from_config
from scow.image.platforms import Platforms, PlatformsRecord
from scow.image.rootfs import RootfsStore
from scow.image.roots import Roots
from scow.image.snapshots.base import SnapshotDriver
from scow.spec.digest import chain_ids
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.reference import parse_reference
from scow.store import Store


@dataclass(frozen=True, slots=True)
class Kinds:
    """The document kinds of one driver's image store."""

    image: str
    tag: str
    layer: str
    init: str
    origin: str
    root: str
    index: str


def kinds_of(driver_name: str) -> Kinds:
    """Apart by driver: with another driver an engine begins empty, and finds all again on the way back."""
    return Kinds(
        *(f"{driver_name}/{kind}" for kind in ("image", "tag", "layer", "init", "origin", "root", "index"))
    )


@dataclass(frozen=True, slots=True)
class Restored:
    """What start-up found: what is wrong, a sentence each, and layers that may go."""

    problems: list[str]
    unused: list[str]


def restore(
    driver: SnapshotDriver,
    store: Store,
    kinds: Kinds,
    content: ContentStore,
    layers: LayerStore,
    rootfs: RootfsStore,
    roots: Roots,
    catalog: Catalog,
) -> Restored:
    """Fill ``layers``, ``rootfs``, ``roots`` and ``catalog``."""
    records = {key: msgspec.json.decode(body, type=LayerRecord) for key, body in store.load(kinds.layer)}
    rootfs.restore()
    known = {record.snapshot for record in records.values()}
    known.update(rootfs.init_snapshots().values(), rootfs.stacks())
    recovered = driver.recover(known)
    missing = set(recovered.missing)
    problems = [f"removed left-over directory {snapshot}" for snapshot in recovered.removed]
    whole = _whole_stacks(records, missing)
    problems += [f"layer {chain_id} has no directory" for chain_id in records if chain_id not in whole]
    layers.remove_lost_recipes(known)
    layers.restore({chain_id: records[chain_id] for chain_id in whole})
    problems += _restore_rootfs(rootfs, layers, missing)
    problems += [f"root {name} is left out: a layer is missing" for name in roots.restore()]
    rows = store.load(kinds.image)
    left_out = []
    for image_id, body in rows:
        problem = _restore_image(
            image_id, msgspec.json.decode(body, type=ImageRecord), content, layers, catalog
        )
        left_out += [problem] if problem else []
    for index_id, body in store.load(kinds.index):
        index = Platforms(index_id, msgspec.json.decode(body, type=PlatformsRecord))
        if all(image_id in catalog for image_id in index.image_ids):
            catalog.put_index(index)
        else:
            left_out.append(f"image {index_id} is left out: a variant is missing")
    for name, body in store.load(kinds.tag):
        if catalog.knows(target := body.decode()):
            catalog.set_name(parse_reference(name), target)
    content.keep_only(image_id for image_id, _ in rows)
    return Restored(problems + left_out, [] if left_out else layers.unused())


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
