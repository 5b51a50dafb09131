"""scowd: the one place where the daemon is put together. Nothing outside this package imports it.

process      the process: configuration, pid file, signals, listeners, leaving
assembly     the engine's parts and how they hang together, floor by floor
parts        what one floor hands to the next
networking   networks and their drivers
seldom       services that many engines are never asked for, imported when first wanted
registries   what speaks to registries, made when first wanted
users        who uses an image, a volume, a network
ends         news of ended processes, to whose they were
"""

import scow.lean_imports

# isort: split
import scow.lean_dataclasses  # noqa: F401

# isort: split
from scow.daemon.process import console as console
