"""Start scow-reaper or scow-shim from its file: ``python -P -s -S launch.py reaper|shim ARGUMENT...``.

These flags (``small_python``) keep site-packages out of processes that outlive the engine that started
them, so the package is found from this file's place. Kept tiny: a script's byte code is never cached.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

if sys.argv[1] == "reaper":
    from scow.runtime import reaper_process

    reaper_process.main(sys.argv[2:])
else:
    from scow.runtime import shim

    shim.main(sys.argv[2:])
