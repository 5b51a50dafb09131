"""Start-up: the folders of volumes are made what the documents say, whenever the last engine was killed."""

import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from scow.engine.volumes.local_driver import LocalDriver
from scow.engine.volumes.model import DEFAULT_DRIVER, VolumeRecord
from scow.engine.volumes.names import is_generated
from scow.engine.volumes.snapshot_folders import remove_leftovers
from scow.errors import ScowError

_log = logging.getLogger(__name__)


def repair_folders(
    local: LocalDriver, records: Collection[VolumeRecord], doomed: Collection[VolumeRecord]
) -> list[VolumeRecord]:
    """Finish and undo; returns the documents that have to be stored anew. Blocks."""
    local.root.mkdir(mode=0o701, parents=True, exist_ok=True)
    changed: list[VolumeRecord] = []
    for record in records:
        if record.driver != DEFAULT_DRIVER:
            continue
        try:
            changed += _repair(local, record)
        except (ScowError, OSError) as exc:
            _log.error("volume %s: %s", record.name, exc)
    known = {record.name for record in (*records, *doomed)}
    for name in os.listdir(local.root):
        # Left by a kill before its document was stored; a name of anyone's own choice is not touched.
        if is_generated(name) and name not in known:
            try:
                local.clear(name)
            except ScowError as exc:
                _log.warning("volume %s: %s", name, exc)
    return changed


def _repair(local: LocalDriver, record: VolumeRecord) -> Iterator[VolumeRecord]:
    folder = local.folder(record.name)
    if record.renamed_from:
        move_folder(local.folder(record.renamed_from), folder)
        yield msgspec.structs.replace(record, renamed_from="")
    remove_leftovers(folder, record.snapshots)
    if record.options or not local.data(record.name).is_dir():
        local.make(record)


def move_folder(old: Path, new: Path) -> None:
    """Give a volume's folder its new name, if that has not been done. Raises ``OSError``."""
    if old.is_dir():
        os.rename(old, new)
