"""A registry that does what it is told to, wrong things too: cuts, lies, redirects, tells us to wait."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.archives import ArchiveImage, digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class Reply:
    """An answer; ``cut`` closes the connection after so many bytes of the body."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    number: int
    """How many requests for this path came before."""


Rule = Callable[[Asked], Reply | None]


class HostileRegistry:
    """``blobs`` and ``manifests`` (by tag or digest) are served honestly unless ``rule`` answers first."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.rule: Rule = lambda asked: None
        self.asked: list[Asked] = []
        self._lock = threading.Lock()

    def add(self, tag: str, image: ArchiveImage, blobs: list[bytes] | None = None) -> str:
        """Offer ``image``, its layers as ``blobs`` if they are not sent as they are; returns the digest."""
        layers = blobs or image.layers
        config = image.config_bytes()
        for blob in (config, *layers):
            self.blobs[digest(blob)] = blob
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": digest(blob),
                    "size": len(blob),
                }
                for blob in layers
            ],
        }
        return self.add_document(tag, MANIFEST, document)

    def add_document(self, tag: str, media_type: str, document: object) -> str:
        data = json.dumps(document).encode()
        self.manifests[tag] = self.manifests[digest(data)] = (media_type, data)
        return digest(data)

    def requests(self, path: str) -> list[Asked]:
        """Those whose path contains ``path``."""
        return [asked for asked in self.asked if path in asked.path]

    def answer(self, method: str, path: str, headers: dict[str, str]) -> Reply:
        with self._lock:
            number = sum(before.path == path for before in self.asked)
            asked = Asked(method, path, headers, number)
            self.asked.append(asked)
        return self.rule(asked) or self.honest(asked)

    def honest(self, asked: Asked) -> Reply:
        if asked.path == "/v2/":
            return Reply(200, b"{}")
        if match := re.fullmatch(r"/v2/.+/manifests/(.+)", asked.path):
            found = self.manifests.get(match[1])
            if found is None:
                error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
                return Reply(404, json.dumps(error).encode())
            return Reply(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest(found[1])})
        if match := re.fullmatch(r"/v2/.+/blobs/(.+)", asked.path):
            blob = self.blobs.get(match[1])
            return Reply(404) if blob is None else ranged(blob, asked)
        return Reply(404)


def ranged(blob: bytes, asked: Asked) -> Reply:
    """All of ``blob``, or the range that was asked for."""
    match = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
    if match is None:
        return Reply(200, blob)
    start = int(match[1])
    return Reply(206, blob[start:], {"Content-Range": f"bytes {start}-{len(blob) - 1}/{len(blob)}"})


@contextmanager
def hostile_registry() -> Iterator[HostileRegistry]:
    """On a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            reply = registry.answer(self.command, self.path.partition("?")[0], headers)
            self.send_response(reply.status)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            for key, value in reply.headers.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            if reply.cut is not None:
                self.wfile.flush()
                self.connection.shutdown(2)
                self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    registry = HostileRegistry(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
