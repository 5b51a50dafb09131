"""Where bytes stand on a disk that is being written to: secrets are looked for with it."""

import subprocess
from pathlib import Path


def files_with(needle: str, below: Path) -> list[str]:
    """The files below a folder that hold ``needle``; links, pipes and devices are not read.

    A running engine unmounts and removes folders meanwhile; what has gone holds nothing. That is
    why grep(1) walks here (``-s``: a file that is not there is no error), not Path.rglob.
    """
    assert below.is_dir()
    done = subprocess.run(
        ["grep", "-rslaF", "-e", needle, "--", str(below)], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()
