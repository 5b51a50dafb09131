"""An idle engine has opened its image store and decompressed nothing."""

import subprocess
import sys

HEAVY = {"isal", "zstandard", "lzma", "bz2", "tarfile", "shutil", "tempfile"}


def test_the_store_is_imported_without_any_codec() -> None:
    code = "import sys; before = set(sys.modules); import scow.image.store; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scow.image.store" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())
