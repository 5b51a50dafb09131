"""Three images as docker archives, made once: one large layer, many layers, one layer of many small files."""

import json
import random
import tarfile
from pathlib import Path

from benchmarks.case import Scale
from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.images import cached

KINDS = ("big", "many", "files")
_LAYERS = 20
_PIECE = 16384
_LEAST, _MOST = 512, 4096
"""Bytes of a small file."""
_FILES_IN_A_FOLDER = 100


def sample_image(kind: str, scale: Scale) -> tuple[Path, str]:
    """The archive and the name of one of ``KINDS``."""
    sizes = {"big": scale.layer_mib, "many": scale.layer_mib, "files": scale.image_files}
    name = f"sample-{kind}:1"
    return cached(f"benchmark-{kind}-{sizes[kind]}", lambda: _archive(kind, name, scale)), name


def _archive(kind: str, name: str, scale: Scale) -> bytes:
    drawn = random.Random(kind)
    if kind == "files":
        layers = [_small_files(drawn, scale.image_files)]
    elif kind == "big":
        layers = [_one_file(drawn, "blob", scale.layer_mib)]
    else:
        layers = [
            _one_file(drawn, f"f{number}", scale.layer_mib // (_LAYERS + 5)) for number in range(_LAYERS)
        ]
    return docker_archive([ArchiveImage(layers, [name])])


def _one_file(drawn: random.Random, name: str, mib: int) -> bytes:
    layer = Layer()
    layer.file(name, b"".join(_half_random(drawn) for _ in range((mib << 20) // (2 * _PIECE))))
    return layer.data()


def _half_random(drawn: random.Random) -> bytes:
    """What compresses to a little more than half, as programs do."""
    words = [b"%06x " % drawn.getrandbits(24) for _ in range(64)]
    text = b"".join(drawn.choices(words, k=_PIECE // 7 + 1))
    return drawn.randbytes(_PIECE) + text[:_PIECE]


def _small_files(drawn: random.Random, count: int) -> bytes:
    layer = Layer()
    for number in range(count):
        folder = f"d{number // _FILES_IN_A_FOLDER}"
        if number % _FILES_IN_A_FOLDER == 0:
            layer.folder(folder)
        layer.file(f"{folder}/f{number}", drawn.randbytes(drawn.randint(_LEAST, _MOST)))
    return layer.data()


def archived_layers(archive: Path) -> int:
    """How many layers an archive that ``save`` wrote has, links to equal ones included."""
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest
        return len(json.load(manifest)[0]["Layers"])
