"""Registries asked by this program itself, with this person's logins: for what no engine is needed.

The engine's own settings of registries are not known here; certificates are those of ``certs.d``, proxies
those of the environment.
"""

import json

from scow import __version__
from scow.cli.credentials import Credentials, registry_key
from scow.distribution.cancellation import Cancellation
from scow.distribution.credentials import Credentials as RegistryCredentials
from scow.distribution.endpoint import RegistrySettings
from scow.distribution.registries import Registries
from scow.distribution.repository import Document, Repository
from scow.distribution.upload import Upload
from scow.errors import IntegrityError
from scow.spec.oci_image import MANIFEST_TYPES, Manifest, decode_document
from scow.spec.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    from scow.cli.invocation import Invocation

    T = TypeVar("T")


_PIECE_BYTES = 1 << 20


class RegistryAccess:
    """``insecure`` hosts may have certificates that cannot be checked, or none."""

    def __init__(self, invocation: "Invocation", insecure: tuple[str, ...] = ()) -> None:
        environ = invocation.environ
        self._logins = Credentials(invocation)
        self._registries = Registries(
            RegistrySettings(
                insecure=insecure,
                http_proxy=environ.get("HTTP_PROXY") or environ.get("http_proxy") or "",
                https_proxy=environ.get("HTTPS_PROXY") or environ.get("https_proxy") or "",
                no_proxy=environ.get("NO_PROXY") or environ.get("no_proxy") or "",
            ),
            f"scow/{__version__}",
        )

    def document(self, reference: Reference) -> Document:
        """The manifest or index under a name. Raises ScowError."""
        at = reference.digest or reference.tag or "latest"
        return self.read(reference, lambda repository: repository.document(at))

    def read(self, reference: Reference, use: "Callable[[Repository], T]") -> "T":
        """What ``use`` gives for the repository that a name is in. Raises ScowError."""
        found, repository = self._registries.pulling(reference, self._credentials(reference), use)
        repository.transport.close()
        return found

    def source(self, reference: Reference) -> Repository:
        """The repository to copy from; its transport is the caller's to close. Raises ScowError."""
        at = reference.digest or reference.tag or "latest"
        return self._registries.pulling(reference, self._credentials(reference), lambda it: it.document(at))[
            1
        ]

    def target(self, reference: Reference) -> Repository:
        """The repository to write to; its transport is the caller's to close. Raises ScowError."""
        return self._registries.pushing(reference, self._credentials(reference))

    def config(self, reference: Reference, document: Document) -> "dict[str, Any]":
        """The config of the image that ``document`` is the manifest of. Raises ScowError."""
        descriptor = decode_document(document.data, Manifest, "manifest").config
        data = self.read(reference, lambda it: it.small_blob(descriptor.digest, descriptor.size))
        found = json.loads(data)
        return found if isinstance(found, dict) else {}

    def _credentials(self, reference: Reference) -> RegistryCredentials:
        found = self._logins.get(registry_key(reference.registry))
        return RegistryCredentials(
            found.get("username", ""),
            found.get("password", ""),
            found.get("identitytoken", ""),
            found.get("registrytoken", ""),
        )


def is_manifest(document: Document) -> bool:
    """Whether it is of one image, not a list."""
    return document.media_type in MANIFEST_TYPES


def bring_blobs(target: Repository, origin: Repository, document: Document) -> None:
    """Have the blobs of a manifest in ``target``, from ``origin``: mounted, or through this program.

    Raises ScowError.
    """
    manifest = decode_document(document.data, Manifest, "manifest")
    same = origin.transport.endpoint.url == target.transport.endpoint.url
    for blob in (manifest.config, *manifest.layers):
        if target.blob_size(blob.digest) is not None:
            continue
        if not (same and target.mount_blob(blob.digest, origin.name)):
            _copy_blob(target, origin, blob.digest, blob.size)


def _copy_blob(target: Repository, origin: Repository, digest: str, size: int) -> None:
    def pieces() -> "Iterator[bytes]":
        reply, _ = origin.open_blob(digest, 0, Cancellation())
        return reply.stream(_PIECE_BYTES)

    sent = Upload(target, pieces, Cancellation()).run()
    if (sent.digest, sent.size) != (digest, size):
        raise IntegrityError(f"blob {digest} of {origin.name} is not what its digest says")
