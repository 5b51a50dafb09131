"""The client of a build, as builds see it."""

from collections.abc import AsyncIterator, Callable, Sequence

from scow.api.server.buildkit.lent import LentThings
from scow.api.server.buildkit.lent_content import read_content, write_content
from scow.api.server.buildkit.synced_files import pull_files, pull_upload, push_file, push_files
from scow.spec.frontend_build import SentBlob
from scow.spec.sent_files import ALL_FILES, FileChoice, FileStream, SentFile, SentFolder, nothing_known


class SessionClient(LentThings):
    """See ``scow.spec.frontend_build.BuildClient``. To be closed."""

    @property
    def shared_key(self) -> str:
        return self._session.shared_key

    def files(
        self,
        folder: str,
        choice: FileChoice = ALL_FILES,
        knows: Callable[[SentFile], bool] = nothing_known,
    ) -> FileStream:
        return pull_files(self._session, folder, choice, knows)

    def upload(self, address: str) -> AsyncIterator[bytes]:
        return pull_upload(self._session, address)

    async def send_file(self, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
        await push_file(self._session, chunks, metadata)

    async def send_files(self, folder: SentFolder) -> None:
        await push_files(self._session, folder)

    def layout_blob(self, store: str, digest: str) -> AsyncIterator[bytes]:
        return read_content(self._session, store, digest)

    async def send_layout(self, folder: str, blobs: Sequence[SentBlob], root: SentBlob) -> None:
        for blob in (*blobs, root):
            await write_content(self._session, folder, blob)
