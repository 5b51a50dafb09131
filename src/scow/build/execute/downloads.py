"""What a build gets from elsewhere: files by HTTP, repositories by git."""

import hashlib
import os
import posixpath
import re
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scow.build.execute.fetching import NotFetchedError, get, without_password
from scow.build.execute.repositories import check_out
from scow.build.graph.job import SecretSource
from scow.build.graph.ops import DownloadSource, GitSource
from scow.build.trees.folder import FolderTree
from scow.distribution.cancellation import Cancellation
from scow.distribution.proxies import Proxies
from scow.distribution.reasons import reason_of
from scow.errors import IntegrityError, InvalidArgumentError, ScowError
from scow.image.threads import run_to_end, run_transfer
from scow.image.trees import remove_path
from scow.spec.bulk_digest import bulk_sha256
from scow.spec.digest import parse_digest

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_READ_BYTES = 1 << 20
_MAX_BYTES = 64 << 30
_MAX_PORT = 65_535
_NO_PROXIES = Proxies()
_FILE_NAME = re.compile(r'filename="?([^";]+)"?')
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Downloads:
    """Gets things into folders below ``folder``, which go when they are no longer wanted."""

    def __init__(self, folder: Path, proxies: Proxies = _NO_PROXIES) -> None:
        self._folder = folder
        self._proxies = proxies
        self._digests: dict[str, dict[str, str]] = {}

    def digests_of(self, address: str) -> dict[str, str]:
        """What was last found at an address, by algorithm; of a repository ``remote#ref``, the commit."""
        return dict(self._digests.get(address, {}))

    async def file(self, source: DownloadSource, stack: AsyncExitStack) -> FolderTree:
        """A tree with the one file. Raises ScowError, IntegrityError, NotFetchedError."""
        folder = await self._new_folder(stack)
        cancellation = Cancellation()
        stack.callback(cancellation.cancel)  # the thread goes on where nobody waits for it any more
        digest = await run_transfer(_download, source, folder, self._proxies, cancellation)
        self._digests[source.url] = {"sha256": digest}
        return _tree(folder, stack)

    async def repository(self, source: GitSource, lender: SecretSource, stack: AsyncExitStack) -> FolderTree:
        """A tree of a repository's files at one commit. Raises ScowError, InvalidArgumentError."""
        folder = await self._new_folder(stack)
        commit = await check_out(source, folder, lender, self._proxies)
        self._digests[f"{source.remote}#{source.ref}" if source.ref else source.remote] = {"sha1": commit}
        inner = folder / source.subdir.strip("/")
        if not inner.resolve().is_relative_to(folder.resolve()) or not inner.is_dir():
            raise InvalidArgumentError(f"subdir {source.subdir!r} is no folder of {source.remote}")
        return _tree(inner, stack)

    async def _new_folder(self, stack: AsyncExitStack) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        stack.push_async_callback(run_to_end, remove_path, str(folder))
        return folder


def _tree(folder: Path, stack: AsyncExitStack) -> FolderTree:
    tree = FolderTree(os.open(folder, _DIRECTORY), with_owners=False)
    stack.callback(tree.close)
    return tree


def file_name(url: str) -> str:
    """What a file from ``url`` is called; empty where the address does not say.

    Raises InvalidArgumentError in the words of Go's net/url for what is no address.
    """
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise InvalidArgumentError(f"parse \"{url}\": missing ']' in host") from exc
    if not parts.netloc:
        raise InvalidArgumentError(f'Get "{url}": http: no Host in request URL')
    port = parts.netloc.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    if port and not (port.isdecimal() and int(port) <= _MAX_PORT):
        raise InvalidArgumentError(f'Get "{url}": dial tcp: address {port}: invalid port')
    return _plain(unquote(parts.path))


def _plain(path: str) -> str:
    """The last part of what a stranger calls a file, where it is a name and leads nowhere."""
    name = posixpath.basename(path)
    return "" if name in (".", "..") or "\0" in name else name


def _download(source: DownloadSource, folder: Path, proxies: Proxies, cancellation: Cancellation) -> str:
    """The sha256 of what came. Raises ScowError, also when it is given up."""
    answer = get(source.url, proxies)
    import urllib3  # it is loaded now

    try:
        if answer.status >= 400:
            status = f"{answer.status} {answer.reason}"
            raise NotFetchedError(f"invalid response status {answer.status}", source.url, status)
        return _store(answer, source, folder, cancellation)
    except urllib3.exceptions.HTTPError as exc:
        raise NotFetchedError(reason_of(exc, source.url), source.url) from exc
    finally:
        answer.close()


def _store(
    answer: "BaseHTTPResponse", source: DownloadSource, folder: Path, cancellation: Cancellation
) -> str:
    named = _FILE_NAME.search(answer.headers.get("content-disposition", ""))
    path = folder / (source.name or _plain(named[1] if named else "") or file_name(source.url) or "download")
    digest, size = bulk_sha256(), 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    cancellation.watch(answer)
    with open(fd, "wb") as file:
        while piece := answer.read(_READ_BYTES):
            cancellation.check()
            size += len(piece)
            if size > _MAX_BYTES:
                raise ScowError(f"{without_password(source.url)} is larger than {_MAX_BYTES} bytes")
            digest.update(piece)
            file.write(piece)
    cancellation.watch(None)
    _check(source, path, f"sha256:{digest.hexdigest()}")
    mtime_s = _seconds_of(answer.headers.get("last-modified") or "")
    os.utime(path, (mtime_s, mtime_s))
    return digest.hexdigest()


def _seconds_of(modified: str) -> int:
    """Since the epoch; 0 for what is no time."""
    from email.utils import parsedate_to_datetime  # 0.3 MB, and few builds download

    try:
        return int(parsedate_to_datetime(modified).timestamp())
    except ValueError:
        return 0


def _check(source: DownloadSource, path: Path, digest: str) -> None:
    if not source.checksum:
        return
    wanted = parse_digest(source.checksum)
    if not wanted.startswith("sha256:"):
        with open(path, "rb") as file:
            algorithm = wanted.partition(":")[0]
            digest = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
    if digest != wanted:
        raise IntegrityError(f"digest mismatch {digest}: {wanted}")
