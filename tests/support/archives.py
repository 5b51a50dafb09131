"""Docker archives made without any daemon: what ``docker save`` writes, from tar layers and a config.

Every layer is built in memory or from a folder with fixed owners and times, so an image has the same id on
every machine that has the same files.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MTIME = 1_700_000_000


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layer:
    """One layer under construction: a tar in memory."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, info: tarfile.TarInfo, data: bytes = b"") -> None:
        """Any member, hostile ones too: the name is written as it is."""
        info.mtime = info.mtime or MTIME
        info.size = len(data) if info.isreg() else 0
        self._tar.addfile(info, io.BytesIO(data) if info.size else None)

    def file(
        self,
        name: str,
        data: bytes | str = b"",
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        pax: dict[str, str] | None = None,
    ) -> None:
        info = tarfile.TarInfo(name)
        info.mode, info.uid, info.gid, info.pax_headers = mode, uid, gid, pax or {}
        self.add(info, data.encode() if isinstance(data, str) else data)

    def folder(self, name: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, uid, gid
        self.add(info)

    def symlink(self, name: str, target: str) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        self.add(info)

    def hardlink(self, name: str, target: str) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.LNKTYPE, target
        self.add(info)

    def device(self, name: str, kind: bytes, major: int, minor: int) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.devmajor, info.devminor = kind, major, minor
        self.add(info)

    def data(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


@dataclass
class ArchiveImage:
    """An image to be written: its layers as tar bytes, its tags, and the ``config`` part of its config."""

    layers: list[bytes]
    tags: list[str]
    config: dict[str, Any] = field(default_factory=dict)
    created: str = "2023-11-14T22:13:20Z"
    # Keys of the config's outermost object to replace; for images that are wrong on purpose.
    override: dict[str, Any] = field(default_factory=dict)

    def config_bytes(self) -> bytes:
        document = {
            "architecture": "amd64",
            "os": "linux",
            "created": self.created,
            "config": {
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Cmd": ["sh"],
            }
            | self.config,
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in self.layers]},
            "history": [
                {"created": self.created, "created_by": f"layer {number}"}
                for number in range(len(self.layers))
            ],
        }
        return json.dumps(document | self.override).encode()

    @property
    def id(self) -> str:
        return digest(self.config_bytes())


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), MTIME
    tar.addfile(info, io.BytesIO(data))


_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def docker_archive(images: Iterable[ArchiveImage]) -> bytes:
    """The layout ``docker save`` wrote before version 25: manifest.json, configs and layer folders."""
    buffer = io.BytesIO()
    manifest = []
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for image in images:
            config = image.config_bytes()
            config_name = digest(config)[7:] + ".json"
            _add_bytes(tar, config_name, config)
            names = [f"{digest(layer)[7:]}/layer.tar" for layer in image.layers]
            for name, layer in zip(names, image.layers, strict=True):
                _add_bytes(tar, name, layer)
            manifest.append({"Config": config_name, "RepoTags": image.tags, "Layers": names})
        _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
    return buffer.getvalue()


def oci_archive(image: ArchiveImage) -> bytes:
    """The layout ``docker save`` writes since version 25: an OCI image layout with manifest.json."""
    buffer = io.BytesIO()

    def blob(data: bytes, media_type: str) -> dict[str, Any]:
        _add_bytes(tar, "blobs/sha256/" + digest(data)[7:], data)
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    with tarfile.open(fileobj=buffer, mode="w") as tar:
        layers = [blob(layer, "application/vnd.oci.image.layer.v1.tar") for layer in image.layers]
        config = blob(image.config_bytes(), "application/vnd.oci.image.config.v1+json")
        manifest_type = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": layers}
        descriptor = blob(json.dumps(manifest).encode(), manifest_type)
        references = [
            descriptor
            | {
                "annotations": {
                    "io.containerd.image.name": f"docker.io/library/{tag}",
                    "org.opencontainers.image.ref.name": tag.rpartition(":")[2],
                }
            }
            for tag in image.tags
        ]
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": references,
        }
        _add_bytes(tar, "index.json", json.dumps(index).encode())
        _add_bytes(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        legacy = {
            "Config": "blobs/sha256/" + digest(image.config_bytes())[7:],
            "RepoTags": image.tags,
            "Layers": ["blobs/sha256/" + digest(layer)[7:] for layer in image.layers],
        }
        _add_bytes(tar, "manifest.json", json.dumps([legacy]).encode())
    return buffer.getvalue()


def folder_layer(root: Path) -> bytes:
    """All of ``root`` as one layer, sorted, with owners, modes and device nodes as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, str(path.relative_to(root)), recursive=False)
    return buffer.getvalue()


def _blob(data: bytes, media_type: str, **more: Any) -> tuple[dict[str, Any], bytes]:
    digest = hashlib.sha256(data).hexdigest()
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}, data


def layout_of_platforms(images: dict[str, ArchiveImage], name: str) -> bytes:
    """An archive with an index of several platforms, as ``buildx build --output type=oci`` makes it."""
    blobs, manifests = [], []
    for architecture, one in images.items():
        config, raw = _blob(one.config_bytes(), "application/vnd.oci.image.config.v1+json")
        layers = [_blob(data, "application/vnd.oci.image.layer.v1.tar") for data in one.layers]
        document = {
            "schemaVersion": 2,
            "mediaType": _OCI_MANIFEST,
            "config": config,
            "layers": [descriptor for descriptor, _ in layers],
        }
        platform = {"os": "linux", "architecture": architecture}
        manifest = _blob(json.dumps(document).encode(), _OCI_MANIFEST, platform=platform)
        blobs += [(config, raw), *layers, manifest]
        manifests.append(manifest[0])
    inner = _blob(
        json.dumps({"schemaVersion": 2, "mediaType": _OCI_INDEX, "manifests": manifests}).encode(), _OCI_INDEX
    )
    named = {**inner[0], "annotations": {"io.containerd.image.name": name}}
    outer = {"schemaVersion": 2, "mediaType": _OCI_INDEX, "manifests": [named]}
    files = {f"blobs/sha256/{it['digest'][7:]}": data for it, data in [*blobs, inner]}
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    files["index.json"] = json.dumps(outer).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
