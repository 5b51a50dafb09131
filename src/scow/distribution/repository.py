"""One repository on one endpoint: manifests, blobs, uploads, tags (OCI distribution-spec 1.1)."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin, urlsplit

from scow.distribution.cancellation import Cancellation
from scow.distribution.transport import Reply, Transport
from scow.errors import IntegrityError, InvalidArgumentError, NotFoundError, ScowError, UnavailableError
from scow.spec.digest import is_digest_of, sha256_of
from scow.spec.oci_image import INDEX_TYPES, MANIFEST_TYPES, MAX_DOCUMENT_BYTES

_ACCEPT = ", ".join(sorted(MANIFEST_TYPES | INDEX_TYPES, reverse=True))
_MAX_TAGS = 100_000
_PAGE = 1000
_OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index in the bytes that its digest covers."""

    media_type: str
    digest: str
    data: bytes


class Repository:
    """``name`` is the repository's path, as "library/busybox". All calls block; threads may share it."""

    def __init__(self, transport: Transport, name: str, *, push: bool = False) -> None:
        self.transport = transport
        self.name = name
        self._scope = f"repository:{name}:{'pull,push' if push else 'pull'}"

    def document(self, reference: str) -> Document:
        """The manifest or index at a tag or digest. Raises NotFoundError, IntegrityError."""
        reply = self._request("GET", f"manifests/{quote(reference, safe=':')}", headers={"Accept": _ACCEPT})
        claimed = reply.headers.get("docker-content-digest", "")
        media_type = reply.headers.get("content-type", "").partition(";")[0].strip()
        data = reply.read(MAX_DOCUMENT_BYTES)
        wanted = reference if ":" in reference else claimed
        if wanted and not is_digest_of(wanted, data):
            raise IntegrityError(f"manifest verification failed for digest {wanted}")
        return Document(_media_type(data, media_type), wanted or sha256_of(data), data)

    def small_blob(self, digest: str, size: int) -> bytes:
        """A config. Raises NotFoundError, IntegrityError, ScowError if it is larger than documents are."""
        if size > MAX_DOCUMENT_BYTES:
            raise ScowError(f"config {digest} is larger than {MAX_DOCUMENT_BYTES} bytes")
        data = self._request("GET", f"blobs/{digest}").read(MAX_DOCUMENT_BYTES)
        if len(data) != size or not is_digest_of(digest, data):
            raise IntegrityError(f"image config verification failed for digest {digest}")
        return data

    def open_blob(self, digest: str, offset: int, cancellation: Cancellation) -> tuple[Reply, int]:
        """A blob from ``offset`` on; returns where the answer really begins, which may be 0."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        reply = self._request(
            "GET", f"blobs/{digest}", headers=headers, allowed=(200, 206), cancellation=cancellation
        )
        begins = reply.headers.get("content-range", "").startswith(f"bytes {offset}-")
        if reply.status == 206 and not begins:
            reply.close()
            raise UnavailableError(f"{reply.url}: not the range that was asked for")
        return reply, offset if reply.status == 206 else 0

    def blob_size(self, digest: str) -> int | None:
        """Bytes of a blob that is there, ``None`` if it is not."""
        try:
            reply = self._request("HEAD", f"blobs/{digest}")
        except NotFoundError:
            return None
        length = reply.headers.get("content-length", "")
        reply.close()
        return int(length) if length.isdigit() else -1

    def mount_blob(self, digest: str, source: str) -> bool:
        """Have a blob of repository ``source`` here too, without sending it; whether that worked."""
        query = urlencode({"mount": digest, "from": source})
        reply = self._request("POST", f"blobs/uploads/?{query}", allowed=(201, 202), body=b"", mount=source)
        reply.read(MAX_DOCUMENT_BYTES)
        if reply.status == 202:
            # It has begun an upload instead.
            self.abandon_upload(self._location(reply))
        return reply.status == 201

    def begin_upload(self, cancellation: Cancellation | None = None) -> str:
        """Returns where the bytes of a new blob go."""
        reply = self._request("POST", "blobs/uploads/", allowed=(202,), body=b"", cancellation=cancellation)
        reply.read(MAX_DOCUMENT_BYTES)
        return self._location(reply)

    def send_upload(
        self,
        place: str,
        pieces: Callable[[], Iterable[bytes]],
        cancellation: Cancellation,
    ) -> str:
        """Send a stream of bytes, which go behind those that are there; returns where the upload goes on."""
        reply = self._request(
            "PATCH",
            place,
            headers=_OCTETS,
            body=pieces,
            allowed=(202, 204),
            cancellation=cancellation,
            retries=False,
        )
        reply.read(MAX_DOCUMENT_BYTES)
        return self._location(reply)

    def upload_status(self, place: str) -> tuple[str, int]:
        """Where an upload goes on, and how many bytes the registry has. Raises ScowError if it is gone."""
        reply = self._request("GET", place, allowed=(200, 204))
        reply.read(MAX_DOCUMENT_BYTES)
        last = reply.headers.get("range", "").removeprefix("bytes=").removeprefix("0-")
        # "0-0" is what registries say of one byte and of none.
        have = int(last) + 1 if last.isdigit() and last != "0" else 0
        return self._location(reply) if "location" in reply.headers else place, have

    def finish_upload(self, place: str, digest: str, data: bytes = b"") -> None:
        """The upload, with ``data`` as its last bytes, is the blob ``digest``: the registry checks that."""
        mark = "&" if urlsplit(place).query else "?"
        self._request(
            "PUT",
            f"{place}{mark}{urlencode({'digest': digest})}",
            headers=_OCTETS,
            body=data,
            allowed=(201, 204),
        ).read(MAX_DOCUMENT_BYTES)

    def abandon_upload(self, place: str) -> None:
        """The registry need not keep what it has of this upload; it forgets unfinished ones by itself."""
        with suppress(ScowError):
            self._request("DELETE", place, allowed=(200, 202, 204, 404, 405), retries=False).close()

    def upload_document(self, data: bytes) -> str:
        """Send a small blob in one piece; returns its digest."""
        digest = sha256_of(data)
        if self.blob_size(digest) is None:
            self.finish_upload(self.begin_upload(), digest, data)
        return digest

    def put_manifest(self, reference: str, media_type: str, data: bytes) -> str:
        """Name an image; returns its digest."""
        reply = self._request(
            "PUT",
            f"manifests/{quote(reference, safe=':')}",
            headers={"Content-Type": media_type},
            body=data,
            allowed=(200, 201, 202),
        )
        reply.read(MAX_DOCUMENT_BYTES)
        return sha256_of(data)

    def tags(self) -> list[str]:
        """All tags. Raises NotFoundError, ScowError for more than anybody has."""
        found: list[str] = []
        path = f"tags/list?n={_PAGE}"
        while path:
            reply = self._request("GET", path)
            path = _next_page(reply.headers.get("link", ""), reply.url)
            document = json.loads(reply.read(MAX_DOCUMENT_BYTES))
            found += [str(tag) for tag in document.get("tags") or ()]
            if len(found) > _MAX_TAGS:
                raise ScowError(f"{self.name} has more than {_MAX_TAGS} tags")
        return found

    def _location(self, reply: Reply) -> str:
        place = reply.headers.get("location")
        if not place:
            raise ScowError(f"{reply.url}: the registry did not say where to upload to")
        return urljoin(reply.url, place)

    def _request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: "bytes | Callable[[], Iterable[bytes]] | None" = None,
        allowed: tuple[int, ...] = (200,),
        cancellation: Cancellation | None = None,
        retries: bool = True,
        mount: str = "",
    ) -> Reply:
        return self.transport.request(
            method,
            path if "://" in path else f"{self.name}/{path}",
            # A mount reads from another repository as well.
            scope=f"{self._scope} repository:{mount}:pull" if mount else self._scope,
            headers=headers,
            body=body,
            allowed=allowed,
            cancellation=cancellation,
            retries=retries,
        )


def _media_type(data: bytes, header: str) -> str:
    """What the document says of itself; where it says nothing, what the registry says.

    Two kinds at once are refused: others might take the same digest for the other one (CVE-2021-41190).
    """
    try:
        document = json.loads(data)
        said = document.get("mediaType")
    except (ValueError, AttributeError, RecursionError) as exc:
        raise ScowError("the manifest is not JSON") from exc
    known = MANIFEST_TYPES | INDEX_TYPES
    if said in known and header in known and said != header:
        raise InvalidArgumentError(f"mediaType in manifest should be '{header}' not '{said}'")
    media_type = said if isinstance(said, str) and said else header
    if media_type in MANIFEST_TYPES and "manifests" in document:
        raise InvalidArgumentError("ambiguous manifest: expected manifest but found index")
    if media_type in INDEX_TYPES and ("layers" in document or "config" in document):
        raise InvalidArgumentError("ambiguous manifest: expected index but found manifest")
    return media_type


def _next_page(link: str, url: str) -> str:
    target, _, relation = link.partition(";")
    if "next" not in relation or not target.strip().startswith("<"):
        return ""
    place = urljoin(url, target.strip().strip("<>"))
    return place if urlsplit(place)[:2] == urlsplit(url)[:2] else ""
