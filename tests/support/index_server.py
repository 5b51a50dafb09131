"""The index of a registry, v1: ``/v1/_ping`` and ``/v1/search``, on a port of the engine's network.

    python -m tests.support.index_server PORT

Searches the names of three repositories; with a login (``user``, ``secret``) it has one more.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

REPOSITORIES = [
    {"name": "team/app", "star_count": 3, "is_official": False, "description": "An app\nof ours " + "x" * 60},
    {"name": "app", "star_count": 12, "is_official": True, "description": "The app"},
    {"name": "other", "star_count": 1, "is_official": False, "description": ""},
]
_PRIVATE = {"name": "private/app", "star_count": 100, "is_official": False, "description": "Hidden"}
_LOGIN = "Basic " + base64.b64encode(b"user:secret").decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/v1/search":
            query = parse_qs(parts.query)
            word, limit = query["q"][0], int(query["n"][0])
            if word == "junk":
                self._send(200, b"<html>")
                return
            known = [*REPOSITORIES, *([_PRIVATE] if self.headers.get("Authorization") == _LOGIN else [])]
            results = [it for it in known if word in str(it["name"])][:limit]
            answer = {"num_results": len(results), "query": word, "results": results}
            self._send(200, json.dumps(answer).encode())
        elif parts.path == "/v1/_ping":
            self._send(200, b"true")
        else:
            self._send(404, b"")

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Docker-Registry-Version", "0.9")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
