"""What an engine has of images: those that it tells of, and all that is kept on disk and in its database."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from tests.support.daemons import Daemon
from tests.support.live_folders import entries
from tests.support.waiting import wait_until


def image_ids(engine: Daemon) -> set[str]:
    """Of all images, also those between."""
    return {found["Id"] for found in engine.api("GET", "/images/json?all=1").json}


def kept(engine: Daemon) -> list[str]:
    """See ``kept_below``."""
    return kept_below(engine.data_root)


def until_kept(engine: Daemon, expected: list[str]) -> None:
    """Until an engine has no more and no less than this: what is large is removed in the background."""
    with suppress(AssertionError):
        wait_until(lambda: kept(engine) == expected, "")
    assert kept(engine) == expected


def kept_below(root: Path) -> list[str]:
    """Directories of layers, recipes, configs, and the rows that tell of them, of data root ``root``."""
    places = (
        root / "overlay2",
        root / "overlay2/l",
        root / "image/overlay2/recipes",
        root / "image/overlay2/imagedb/content/sha256",
    )
    found = [f"{place}/{name}" for place in places for name in entries(place) if name != "l"]
    with closing(sqlite3.connect(f"file:{root / 'scow.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT kind, key FROM documents WHERE kind LIKE 'overlay2/%'")
        found += [f"row {kind} {key}" for kind, key in rows if not kind.endswith("/origin")]
    return sorted(found)


def unpackers(engine: Daemon) -> list[int]:
    """The processes that unpack layers: children of the engine, in a network of their own when confined."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # gone since
            parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            if parent == engine.pid and b"scow-unpacker" in Path(f"/proc/{entry}/cmdline").read_bytes():
                found.append(int(entry))
    return found
