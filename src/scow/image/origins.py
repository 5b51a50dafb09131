"""Which compressed blob a layer came as or went out as, and where: so that a push need not send it again.

A layer here is known by its diff id, in a registry by the digest of a blob. The same tar compressed by
another program is another blob; the one that a repository has already is worth remembering.
"""

from collections.abc import Callable

import msgspec

from scow.store import Change, Delete, Put, Store

_MOST = 16


class Origin(msgspec.Struct, kw_only=True, frozen=True):
    """A blob of a repository: ``repository`` with its registry, as "docker.io/library/busybox"."""

    repository: str
    digest: str
    size: int
    media_type: str


class Origins:
    """All that is known of layers' blobs, the latest first; a hint that registries are asked about."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind
        self._known = {key: msgspec.json.decode(body, type=list[Origin]) for key, body in store.load(kind)}

    def of(self, diff_id: str) -> list[Origin]:
        """Blobs that hold the layer, the latest first."""
        return list(self._known.get(diff_id, ()))

    async def remember(self, found: dict[str, Origin]) -> None:
        """``found`` are blobs by diff id."""
        changes: list[Change] = []
        for diff_id, origin in found.items():
            before = self._known.get(diff_id, [])
            if before and before[0] == origin:
                continue
            known = [origin, *(it for it in before if it.repository != origin.repository)][:_MOST]
            self._known[diff_id] = known
            changes.append(Put(self._kind, diff_id, msgspec.json.encode(known)))
        if changes:
            await self._store.commit(*changes)

    async def keep_only(self, is_used: Callable[[str], bool]) -> None:
        """Forget layers that are gone."""
        gone = [diff_id for diff_id in self._known if not is_used(diff_id)]
        for diff_id in gone:
            del self._known[diff_id]
        if gone:
            await self._store.commit(*(Delete(self._kind, diff_id) for diff_id in gone))
