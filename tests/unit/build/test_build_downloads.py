"""What comes from an address, and what is said where nothing does: a real server on the loopback."""

import asyncio
import stat
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import ClassVar

import pytest

from scow.build.execute.downloads import Downloads, file_name
from scow.build.execute.fetching import NotFetchedError, get
from scow.build.graph.ops import DownloadSource
from scow.distribution.proxies import Proxies
from scow.errors import IntegrityError, InvalidArgumentError, ScowError
from scow.spec.digest import sha256_of
from scow.tasks import TaskOwner

CONTENT = b"hello\n"
MODIFIED_S = 1_700_000_000
CLOSED_PORT = 1
sent, refused = Event(), Event()
"""What is endless is on its way; nobody takes it any more."""


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        hop, _, count = self.path.strip("/").partition("-")
        if hop == "hop":
            left = int(count)
            self._answer(302, Location=f"/hop-{left - 1}" if left else "/file")
        elif self.path == "/named":
            self._answer(200, CONTENT, Content_Disposition='attachment; filename="../../other"')
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b"x" * 100_000)
                    sent.set()
            refused.set()
        elif self.path == "/missing":
            self._answer(404, b"no")
        else:
            self._answer(200, CONTENT, Last_Modified="Tue, 14 Nov 2023 22:13:20 GMT")

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[str]:
    """Its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as found:
        thread = Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()
        thread.join()


def fetched(folder: Path, source: DownloadSource) -> dict[str, tuple[bytes, int, int]]:
    """Content, mode and time of the files that came."""

    async def fetch() -> dict[str, tuple[bytes, int, int]]:
        async with AsyncExitStack() as stack:
            await Downloads(folder / "downloads").file(source, stack)
            return {
                str(it.relative_to(folder)): (
                    it.read_bytes(),
                    stat.S_IMODE(it.stat().st_mode),
                    int(it.stat().st_mtime),
                )
                for it in folder.glob("**/*")
                if it.is_file()
            }

    return asyncio.run(fetch())


def test_a_file_has_the_servers_time_and_its_own_mode(server: str, tmp_path: Path) -> None:
    source = DownloadSource(f"{server}/file", checksum=sha256_of(CONTENT), name="f")
    (found,) = fetched(tmp_path, source).values()
    assert found == (CONTENT, 0o600, MODIFIED_S)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_ten_redirects_are_followed_and_no_more(server: str, tmp_path: Path) -> None:
    (found,) = fetched(tmp_path, DownloadSource(f"{server}/hop-9")).values()
    assert found[0] == CONTENT
    with pytest.raises(NotFetchedError, match=r'^Get ".*": stopped after 10 redirects$'):
        fetched(tmp_path, DownloadSource(f"{server}/hop-10"))


def test_what_is_not_there(server: str, tmp_path: Path) -> None:
    with pytest.raises(NotFetchedError) as failed:
        fetched(tmp_path, DownloadSource(f"{server}/missing"))
    assert failed.value.message == "invalid response status 404"
    assert failed.value.status == "404 Not Found"


def test_nobody_answers(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{CLOSED_PORT}/x"
    with pytest.raises(NotFetchedError) as failed:
        fetched(tmp_path, DownloadSource(url))
    assert failed.value.message == f'Get "{url}": dial tcp 127.0.0.1:1: connect: connection refused'


def test_other_content_is_refused(server: str, tmp_path: Path) -> None:
    wanted = "sha256:" + "0" * 64
    with pytest.raises(IntegrityError) as failed:
        fetched(tmp_path, DownloadSource(f"{server}/file", checksum=wanted))
    assert failed.value.message == f"digest mismatch {sha256_of(CONTENT)}: {wanted}"
    with pytest.raises(ScowError, match="unsupported digest algorithm"):
        fetched(tmp_path, DownloadSource(f"{server}/file", checksum="md5:abc"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b.txt?c=d", "b.txt"),
        ("/a%20b", "a b"),
        ("/", ""),
        ("", ""),
        ("/%2e%2e%2f%2e%2e%2fetc%2fx", "x"),
        ("/%2e%2e", ""),
        ("/..", ""),
        ("/a%00b", ""),
    ],
)
def test_a_name_is_one_part_of_a_path(path: str, name: str) -> None:
    assert file_name(f"http://h{path}") == name


def test_no_server_chooses_where_its_file_goes(server: str, tmp_path: Path) -> None:
    (path,) = fetched(tmp_path, DownloadSource(f"{server}/named"))
    assert path.endswith("/other")
    assert path.startswith("downloads/")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://[::1/x", "parse \"http://[::1/x\": missing ']' in host"),
        ("http:///x", 'Get "http:///x": http: no Host in request URL'),
        ("http://h:99999/x", 'Get "http://h:99999/x": dial tcp: address 99999: invalid port'),
        ("http://[::1]:x/", 'Get "http://[::1]:x/": dial tcp: address x: invalid port'),
    ],
)
def test_what_is_no_address_is_refused(url: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as failed:
        file_name(url)
    assert failed.value.message == message


def test_what_nobody_waits_for_is_not_fetched_to_its_end(server: str, tmp_path: Path) -> None:
    async def give_up() -> None:
        async with TaskOwner("test") as tasks, AsyncExitStack() as stack:
            downloads = Downloads(tmp_path / "downloads")
            fetching = tasks.start(downloads.file(DownloadSource(f"{server}/endless"), stack), name="fetch")
            assert await asyncio.to_thread(sent.wait, 30)
            fetching.cancel()
        assert await asyncio.to_thread(refused.wait, 30)

    asyncio.run(give_up())
    assert list((tmp_path / "downloads").iterdir()) == []


def test_nobody_is_shown_a_password_of_an_address(server: str, tmp_path: Path) -> None:
    address = f"{server}/missing".replace("://", "://me:secret@")
    closed = f"http://me:secret@127.0.0.1:{CLOSED_PORT}/file"
    for url in (address, closed):
        with pytest.raises(NotFetchedError) as failed:
            fetched(tmp_path, DownloadSource(url))
        assert "secret" not in failed.value.message + failed.value.url
    assert failed.value.message.startswith(f'Get "http://me:***@127.0.0.1:{CLOSED_PORT}/file": dial tcp')


class _Proxy(BaseHTTPRequestHandler):
    """Answers everything itself, and keeps what it was asked."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        moved = self.path.endswith("/moved")
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "http://elsewhere.test/file")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_files_come_through_the_engines_proxy_but_those_of_this_machine(server: str, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as found:
        thread = Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        proxies = Proxies(http_proxy=f"http://127.0.0.1:{found.server_address[1]}")
        try:
            get("http://far.test/moved", proxies).close()
            get(f"{server}/file", proxies).close()
        finally:
            found.shutdown()
            thread.join()
    assert _Proxy.asked == ["http://far.test/moved", "http://elsewhere.test/file"]


def test_git_is_told_of_them_in_both_spellings() -> None:
    variables = dict(Proxies(https_proxy="http://proxy:1", no_proxy="near.test").variables())
    assert variables == {
        "https_proxy": "http://proxy:1",
        "HTTPS_PROXY": "http://proxy:1",
        "no_proxy": "near.test",
        "NO_PROXY": "near.test",
    }
