"""What builds could leave behind on a scowd."""

import sqlite3
from contextlib import closing

from tests.support.daemons import Daemon
from tests.support.disks import mount_points_below
from tests.support.live_folders import entries


def leftovers(daemon: Daemon) -> list[str]:
    """What a build could leave: mounts, bundles, folders, snapshots that nobody recorded."""
    data, run = daemon.data_root, daemon.exec_root
    found = [str(point) for point in mount_points_below(data) if point != data]
    found += [str(point) for point in mount_points_below(run) if point != run]
    # A younger crun keeps ".cache" in its folder.
    for folder in (data / "containers", run / "bundles", run / "runc", run / "crun", run / "build"):
        found += [f"{folder}/{name}" for name in entries(folder) if name != ".cache"]
    found += [f"interface {name}" for name in daemon.veths()]
    with closing(sqlite3.connect(f"file:{data / 'scow.db'}?mode=ro", uri=True)) as db:
        bodies = b"".join(body for (body,) in db.execute("SELECT body FROM documents"))
    for path in (data / "overlay2").iterdir():
        if len(path.name) >= 64 and path.name[:64].encode() not in bodies:
            found.append(f"snapshot {path.name}")
    return found
