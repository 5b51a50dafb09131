"""Start an unpacker from this file: ``python -I -S launch.py PACKAGES CODEC``.

``-S`` saves the time in which Python would look for packages that nobody needs; ``PACKAGES`` is the folder
that has the codecs. Kept tiny: a script's byte code is never cached.
"""

import os
import sys

sys.path[:1] = [os.path.abspath(f"{__file__}/../../../.."), sys.argv[1]]

from scow.image.unpacking import worker  # noqa: E402  # found by the line above

worker.main(sys.argv[2])
