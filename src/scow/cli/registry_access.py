"""Registries asked by this program itself, with this person's logins: for what no engine is needed.

The engine's own settings of registries are not known here; certificates are those of ``certs.d``, proxies
those of the environment.
"""

from scow import __version__
from scow.cli.credentials import Credentials, registry_key
from scow.distribution.credentials import Credentials as RegistryCredentials
from scow.distribution.endpoint import RegistrySettings
from scow.distribution.registries import Registries
from scow.distribution.repository import Document, Repository
from scow.spec.oci_image import MANIFEST_TYPES, Manifest, decode_document
from scow.spec.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from scow.cli.invocation import Invocation

    T = TypeVar("T")


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

    def target(self, reference: Reference) -> Repository:
        """The repository to write to; its transport is the caller's to close. Raises ScowError."""
        return self._registries.pushing(reference, self._credentials(reference))

    def config(self, reference: Reference, document: Document) -> "dict[str, Any]":
        """The config of the image that ``document`` is the manifest of. Raises ScowError."""
        import json

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


def bring_blobs(target: Repository, source: str, document: Document) -> None:
    """Have the blobs of a manifest in ``target``, from repository ``source`` of the same registry.

    Raises ScowError.
    """
    manifest = decode_document(document.data, Manifest, "manifest")
    for blob in (manifest.config, *manifest.layers):
        if target.blob_size(blob.digest) is None and not target.mount_blob(blob.digest, source):
            _copy_blob(target, source, blob.digest, blob.size)


def _copy_blob(target: Repository, source: str, digest: str, size: int) -> None:
    """For registries that do not mount: through this program."""
    from scow.distribution.transport import Cancellation
    from scow.distribution.upload import Upload
    from scow.errors import IntegrityError

    origin = Repository(target.transport, source)

    def pieces() -> "Any":
        reply, _ = origin.open_blob(digest, 0, Cancellation())
        return reply.stream(1 << 20)

    sent = Upload(target, pieces, Cancellation()).run()
    if (sent.digest, sent.size) != (digest, size):
        raise IntegrityError(f"blob {digest} of {source} is not what its digest says")
