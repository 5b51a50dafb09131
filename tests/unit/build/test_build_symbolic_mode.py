"""``--chmod`` in words means what it means to chmod(1)."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from scow.build.execute.copying import numeric_mode
from scow.build.trees.tree import Node
from scow.errors import InvalidArgumentError

_WORDS = (
    "u+x",
    "go-w",
    "a=rX",
    "u=rwx,g=rx,o=",
    "ug+s",
    "a+t",
    "u-s",
    "o=u",
    "g=o",
    "u+w-r",
    "a-x,u+X",
    "ugo=",
)
_MODES = (0o644, 0o755, 0o600, 0o711, 0o777, 0o000)


@pytest.mark.parametrize("is_folder", [False, True])
@pytest.mark.parametrize("words", _WORDS)
def test_words_do_what_chmod_does(words: str, is_folder: bool, tmp_path: Path) -> None:
    place = tmp_path / "it"
    place.mkdir() if is_folder else place.touch()
    for before in _MODES:
        os.chmod(place, before)
        kind = stat.S_IFDIR if is_folder else stat.S_IFREG
        after = numeric_mode(words)(Node("it", kind | before))
        subprocess.run(["chmod", words, place], check=True)
        assert oct(after) == oct(stat.S_IMODE(place.stat().st_mode)), oct(before)
    os.chmod(place, 0o755)


@pytest.mark.parametrize("words", ["u+q", "x", "u", "8888", "u+x;o+x", "+x,", "10000"])
def test_words_that_mean_nothing_are_refused(words: str) -> None:
    with pytest.raises(InvalidArgumentError):
        numeric_mode(words)
