"""An OCI layout in an archive, as a build writes it."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any


class Layout:
    """``files`` by name, ``entries`` of its index."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as tar:
            self.files = {
                it.name: found.read() for it in tar if (found := tar.extractfile(it) if it.isreg() else None)
            }
        self.entries = json.loads(self.files["index.json"])["manifests"]

    def blob(self, digest: str) -> bytes:
        return self.files[f"blobs/sha256/{digest.removeprefix('sha256:')}"]

    def document(self, digest: str) -> Any:
        return json.loads(self.blob(digest))

    def file(self, manifest: dict[str, Any], name: str) -> str:
        """A file's content in the topmost layer that has it."""
        for layer in reversed(manifest["layers"]):
            with tarfile.open(fileobj=io.BytesIO(self.blob(layer["digest"]))) as tar:
                if name in tar.getnames():
                    found = tar.extractfile(name)
                    assert found is not None
                    return found.read().decode()
        raise AssertionError(f"no {name}")
