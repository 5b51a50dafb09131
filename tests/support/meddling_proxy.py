"""A proxy between an engine and a real registry that spoils what goes by.

    python -m tests.support.meddling_proxy PORT UPSTREAM RULES

RULES is a file with a JSON list, read at each request; the first rule that fits answers:

    {"path": regex, "method": "GET", "times": 2, "do": what, "at": bytes, "status": n, "seconds": s}

    stall     wait ``seconds`` after ``at`` bytes of the body, or until the engine hangs up
    cut       close the connection after ``at`` bytes of the body (an upload's or an answer's)
    truncate  end the answer after ``at`` bytes as if that were all
    spoil     change one byte of the answer at ``at``
    digest    another Docker-Content-Digest
    type      another Content-Type
    delay     wait ``seconds`` first
    status    answer ``status`` without asking
"""

import http.client
import json
import re
import select
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PIECE_BYTES = 64 << 10
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host"}
_used: Counter[str] = Counter()
_lock = threading.Lock()


def rule_for(rules: Path, method: str, path: str) -> dict[str, Any]:
    """The first rule for this request that has not been used up."""
    for rule in json.loads(rules.read_text()):
        key = json.dumps(rule)
        if rule.get("method", method) != method or not re.search(rule["path"], path):
            continue
        with _lock:
            if _used[key] < rule.get("times", 1 << 30):
                _used[key] += 1
                return dict(rule)
    return {}


class _Cut(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str
    rules: Path

    def do_GET(self) -> None:
        rule = rule_for(self.rules, self.command, self.path)
        self._patience_s = rule.get("seconds", 0)
        if rule.get("do") != "stall":
            time.sleep(self._patience_s)
        if "status" in rule:
            for _ in self._body():
                pass
            self.send_response(rule["status"])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        try:
            self._pass_on(rule)
        except (_Cut, OSError, http.client.HTTPException):
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read(min(left, _PIECE_BYTES))):
            left -= len(piece)
            yield piece

    def _pass_on(self, rule: dict[str, Any]) -> None:
        upload = self.command in ("PATCH", "PUT")
        do, at = rule.get("do"), rule.get("at", 0)
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        try:
            body = self._body()
            if upload and do == "cut":
                body = _cut(body, at)
            elif upload and do == "stall":
                body = self._stalled(body, at)
            headers = {key: value for key, value in self.headers.items() if key.lower() not in _HOP_BY_HOP}
            connection.request(
                self.command,
                self.path,
                body if upload else b"".join(body),
                headers | {"Host": self.headers["Host"]},
                encode_chunked=upload,
            )
            self._answer(connection.getresponse(), do if not upload else None, at)
        finally:
            connection.close()

    def _stalled(self, pieces: Iterator[bytes], at: int) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            at -= len(piece)
            if at <= 0:
                self._wait()

    def _wait(self) -> None:
        """Nothing comes from us; what comes from the engine stays where it is."""
        end = select.poll()
        end.register(self.connection, select.POLLRDHUP)
        end.poll(self._patience_s * 1000)
        raise _Cut

    def _answer(self, answer: http.client.HTTPResponse, do: str | None, at: int) -> None:
        size = int(answer.headers.get("Content-Length", 0))
        promised = min(at, size) if do == "truncate" else size
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            if do == "digest" and key == "Docker-Content-Digest":
                value = "sha256:" + "0" * 64
            if do == "type" and key == "Content-Type":
                value = "application/vnd.oci.image.index.v1+json"
            if key.lower() not in _HOP_BY_HOP:
                self.send_header(key, value)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = 0
        while piece := answer.read(_PIECE_BYTES):
            if do == "spoil" and sent <= at < sent + len(piece):
                piece = piece[: at - sent] + bytes([piece[at - sent] ^ 1]) + piece[at - sent + 1 :]
            if do in ("cut", "truncate"):
                piece = piece[: max(0, at - sent)]
            self.wfile.write(piece)
            sent += len(piece)
            if do == "stall" and sent >= at:
                self._wait()
            if do == "cut" and sent >= at:
                raise _Cut
            if sent >= promised:
                return

    def log_message(self, *args: object) -> None:
        """Quiet."""


def _cut(pieces: Iterator[bytes], at: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:at]
        at -= len(piece)
        if at <= 0:
            raise _Cut


def main() -> None:
    port, upstream, rules = sys.argv[1:]
    _Handler.upstream, _Handler.rules = upstream, Path(rules)
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), _Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
