"""scowd: the one place where the daemon is put together. Nothing outside this package imports it.

process      the process: configuration, pid file, signals, listeners, leaving
assembly     the engine's parts and how they hang together, floor by floor
parts        what one floor hands to the next
networking   networks and their drivers
volumes      volumes and their drivers
life         who moves containers from one state to the next, and start-up's reconciliation
services     what the routes call
seldom       services that many engines are never asked for, imported when first wanted: registries,
             builds, volume_copies
build_leftovers  what a killed daemon's builds have left, removed at the start
users        who uses an image, a volume, a network
ends         news of ended processes, to whose they were
"""

import scow.lean_imports

# isort: split
import scow.lean_dataclasses  # noqa: F401 - it changes what comes after it

# isort: split
from scow.daemon.process import console as console
