"""A volume plugin that keeps folders: Docker's plugin protocol, version 1, on a unix socket.

It writes down what it is asked, and can be told to refuse, to hang, or to answer nonsense.
"""

import json
import shutil
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


class VolumePlugin:
    """``calls`` are methods with their bodies, in order. ``options`` and ``mounts`` are by volume."""

    def __init__(self, socket_path: Path, folder: Path) -> None:
        self.socket_path = socket_path
        self.folder = folder
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.options: dict[str, dict[str, str]] = {}
        self.mounts: dict[str, list[str]] = {}
        self.refuses: dict[str, str] = {}
        self.hangs: set[str] = set()
        self.garbles: set[str] = set()
        self.let_go = threading.Event()

    @property
    def name(self) -> str:
        return self.socket_path.stem

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The bodies of all calls of ``method``."""
        return [body for name, body in self.calls if name == method]

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body for a call."""
        method = path.rpartition(".")[2]
        self.calls.append((method, body))
        if method in self.hangs:
            self.let_go.wait()
        if method in self.garbles:
            return 200, b"<html>"
        if reason := self.refuses.get(method):
            return 500, json.dumps({"Err": reason}).encode()
        return 200, json.dumps(getattr(self, f"_{method.lower()}")(body)).encode()

    def _activate(self, _: dict[str, Any]) -> object:
        return {"Implements": ["VolumeDriver"]}

    def _capabilities(self, _: dict[str, Any]) -> object:
        return {"Capabilities": {"Scope": "global"}}

    def _create(self, body: dict[str, Any]) -> object:
        self.options[body["Name"]] = body.get("Opts") or {}
        (self.folder / body["Name"]).mkdir(exist_ok=True)
        return {"Err": ""}

    def _remove(self, body: dict[str, Any]) -> object:
        if self.mounts.get(body["Name"]):
            return {"Err": "volume is mounted"}
        self.options.pop(body["Name"], None)
        shutil.rmtree(self.folder / body["Name"], ignore_errors=True)
        return {"Err": ""}

    def _mount(self, body: dict[str, Any]) -> object:
        self.mounts.setdefault(body["Name"], []).append(body["ID"])
        return {"Mountpoint": str(self.folder / body["Name"]), "Err": ""}

    def _unmount(self, body: dict[str, Any]) -> object:
        if body["ID"] in self.mounts.get(body["Name"], []):
            self.mounts[body["Name"]].remove(body["ID"])
        return {"Err": ""}

    def _path(self, body: dict[str, Any]) -> object:
        return {"Mountpoint": str(self.folder / body["Name"]), "Err": ""}

    def _get(self, body: dict[str, Any]) -> object:
        if body["Name"] not in self.options:
            return {"Err": "no such volume"}
        return {"Volume": self._described(body["Name"]), "Err": ""}

    def _list(self, _: dict[str, Any]) -> object:
        return {"Volumes": [self._described(name) for name in sorted(self.options)], "Err": ""}

    def _described(self, name: str) -> object:
        return {
            "Name": name,
            "Mountpoint": str(self.folder / name),
            "CreatedAt": "2026-01-02T03:04:05Z",
            "Status": {"blocks": 7},
        }


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def volume_plugin(socket_path: Path, folder: Path) -> Iterator[VolumePlugin]:
    """A plugin that answers at ``socket_path`` for the block, and keeps its volumes in ``folder``."""
    plugin = VolumePlugin(socket_path, folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, data = plugin.answer(self.path, json.loads(self.rfile.read(length) or b"{}"))
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.docker.plugins.v1.1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    socket_path.parent.mkdir(parents=True, exist_ok=True)
    server = _Server(str(socket_path), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield plugin
    finally:
        plugin.let_go.set()
        server.shutdown()
        server.server_close()
        socket_path.unlink(missing_ok=True)
