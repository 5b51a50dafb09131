"""``system check``: whether all that is recorded is there, whole, and nothing else is."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

from scow.engine.containers.registry import Containers
from scow.errors import ConflictError
from scow.image.check import Finding
from scow.image.store import ImageStore
from scow.image.trees import remove_path
from scow.spec.engine_api.check import CheckFinding, CheckSummary
from scow.tasks import run_blocking

_CONTAINER_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Checks:
    """What ``routes/check.py`` calls; one at a time. ``root`` has the folders of containers."""

    def __init__(self, root: Path, images: ImageStore, containers: Containers) -> None:
        self._root = root
        self._images = images
        self._containers = containers
        self._lock = asyncio.Lock()

    async def check(self, *, repair: bool) -> AsyncIterator[CheckFinding | CheckSummary]:
        """Look at everything, and with ``repair`` remove what is not whole; findings, and the sum.

        Raises ConflictError while another one is at it.
        """
        if self._lock.locked():
            raise ConflictError("a check is already running")
        return self._walk(repair)

    async def _walk(self, repair: bool) -> AsyncIterator[CheckFinding | CheckSummary]:
        async with self._lock:
            for finding in await self._container_folders(repair):
                yield finding
            async with aclosing(self._images.check(repair=repair)) as findings:
                async for found in findings:
                    if isinstance(found, Finding):
                        yield _told(found)
                    else:
                        yield CheckSummary(
                            images=found.images,
                            layers=found.layers,
                            size=found.size,
                            containers=len(self._containers),
                        )

    async def _container_folders(self, repair: bool) -> list[CheckFinding]:
        """Folders of no container, and containers without what they need to be started."""
        file_systems = self._images.rootfs.known()
        known = [doc.id for doc in self._containers.documents()]
        findings = [
            _told(Finding("container", container_id, "its file system is gone: remove it, and make it anew"))
            for container_id in known
            if container_id not in file_systems or not await self._images.rootfs.exists(container_id)
        ]
        before = set(await run_blocking(self._folders))
        for name in sorted(before.difference(known)):
            # One that is being made has its folder first; a container of that name is looked for again.
            if name in self._containers or name in self._images.rootfs.known():
                continue
            if repair:
                await run_blocking(remove_path, str(self._root / name))
            findings.append(
                _told(Finding("directory", str(self._root / name), "no container has this folder", repair))
            )
        return findings

    def _folders(self) -> Iterator[str]:
        if self._root.is_dir():
            yield from filter(_CONTAINER_ID.fullmatch, os.listdir(self._root))


def _told(finding: Finding) -> CheckFinding:
    return CheckFinding(
        kind=finding.kind, subject=finding.subject, detail=finding.detail, repaired=finding.repaired
    )
