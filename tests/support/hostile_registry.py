"""A registry that does what it is told to, wrong things too: cuts, lies, redirects, tells us to wait.

Images can be taken from it and sent to it.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

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
    query: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""


Rule = Callable[[Asked], Reply | None]


class HostileRegistry:
    """``blobs`` and ``manifests`` (by tag or digest) are served honestly unless ``rule`` answers first."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.rule: Rule = lambda asked: None
        self.asked: list[Asked] = []
        self.uploads: dict[str, bytes] = {}
        self.take_bytes: int | None = None
        """Once: cut the connection after so many bytes of an upload's stream."""
        self._names = itertools.count()
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

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Reply:
        path, _, query = target.partition("?")
        with self._lock:
            number = sum(before.path == path for before in self.asked)
            asked = Asked(method, path, headers, number, parse_qs(query), body)
            self.asked.append(asked)
        return self.rule(asked) or self.honest(asked)

    def cut_after(self, method: str) -> int | None:
        """How many bytes of this request's body are read before the line is cut."""
        with self._lock:
            if method != "PATCH":
                return None
            size, self.take_bytes = self.take_bytes, None
            return size

    def honest(self, asked: Asked) -> Reply:
        if asked.path == "/v2/":
            return Reply(200, b"{}")
        if match := re.fullmatch(r"/v2/.+/manifests/(.+)", asked.path):
            if asked.method == "PUT":
                self.manifests[match[1]] = (asked.headers["content-type"], asked.body)
                return Reply(201)
            found = self.manifests.get(match[1])
            if found is None:
                error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
                return Reply(404, json.dumps(error).encode())
            return Reply(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest(found[1])})
        if match := re.fullmatch(r"(/v2/.+/blobs/uploads)/(\w*)", asked.path):
            return self.upload(asked, match[1], match[2])
        if match := re.fullmatch(r"/v2/.+/blobs/(.+)", asked.path):
            blob = self.blobs.get(match[1])
            return Reply(404) if blob is None else ranged(blob, asked)
        return Reply(404)

    def upload(self, asked: Asked, folder: str, name: str) -> Reply:
        """POST begins, PATCH adds, GET tells, PUT ends with a digest, DELETE gives up."""
        if asked.method == "POST":
            name = str(next(self._names))
            self.uploads[name] = b""
            return Reply(202, headers={"Location": f"{folder}/{name}"})
        if name not in self.uploads:
            return Reply(404)
        if asked.method == "DELETE":
            del self.uploads[name]
            return Reply(204)
        self.uploads[name] += asked.body
        if asked.method == "PUT":
            data, wanted = self.uploads.pop(name), asked.query["digest"][0]
            if digest(data) != wanted:
                return Reply(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"not that digest"}]}')
            self.blobs[wanted] = data
            return Reply(201)
        have = {"Location": f"{folder}/{name}", "Range": f"0-{max(0, len(self.uploads[name]) - 1)}"}
        return Reply(204 if asked.method == "GET" else 202, headers=have)


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
            cut = registry.cut_after(self.command)
            body = self.body(headers, cut)
            reply = registry.answer(self.command, self.path, headers, body)
            if cut is not None:
                self.connection.shutdown(2)
                self.close_connection = True
                return
            self.send_response(reply.status)
            if "Content-Length" not in reply.headers and reply.status != 204:
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

        do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def body(self, headers: dict[str, str], cut: int | None) -> bytes:
            """What was sent, whole or in chunks; the first ``cut`` bytes if there is one."""
            if headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(headers.get("content-length", 0)))
            data = b""
            while (cut is None or len(data) < cut) and (size := int(self.rfile.readline(), 16)):
                data += self.rfile.read(size)
                self.rfile.readline()
            if cut is None:
                self.rfile.readline()
            return data[:cut]

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
