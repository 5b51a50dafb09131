"""One call to a plugin: what it says, what it should not say, and what becomes of silence."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scow.engine.volumes.plugin_client import MEDIA_TYPE, PluginError, call_plugin
from scow.engine.volumes.plugin_discovery import PluginAddress, PluginFolders
from scow.errors import TimeoutExceededError, UnavailableError
from tests.support.certificates import Certificates, make_certificates
from tests.support.volume_plugin import VolumePlugin, volume_plugin


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[VolumePlugin]:
    with volume_plugin(tmp_path / "p.sock", tmp_path) as found:
        yield found


def call(plugin: VolumePlugin, method: str, timeout_s: float = 10.0) -> object:
    address = PluginAddress("p", f"unix://{plugin.socket_path}")
    return asyncio.run(call_plugin(address, f"VolumeDriver.{method}", {"Name": "v"}, timeout_s))


def test_an_answer(plugin: VolumePlugin) -> None:
    assert call(plugin, "Path") == {"Mountpoint": str(plugin.folder / "v"), "Err": ""}
    assert plugin.calls == [("Path", {"Name": "v"})]


def test_a_refusal_by_status_and_one_by_word(plugin: VolumePlugin) -> None:
    plugin.refuses["Create"] = "no room"
    with pytest.raises(PluginError, match=r"^VolumeDriver\.Create: no room$"):
        call(plugin, "Create")
    with pytest.raises(PluginError, match=r"^no such volume$"):
        call(plugin, "Get")


def test_what_is_no_answer(plugin: VolumePlugin) -> None:
    plugin.garbles.add("List")
    with pytest.raises(PluginError, match="no JSON object"):
        call(plugin, "List")
    plugin.hangs.add("Path")
    with pytest.raises(
        TimeoutExceededError, match=r"^plugin p: no answer to VolumeDriver\.Path within 0\.2 s$"
    ):
        call(plugin, "Path", timeout_s=0.2)
    plugin.let_go.set()


def test_a_plugin_that_is_gone(tmp_path: Path) -> None:
    with volume_plugin(tmp_path / "p.sock", tmp_path) as plugin:
        pass
    with pytest.raises(UnavailableError, match=r"dial unix .*: connect: no such file or directory"):
        call(plugin, "List")


@contextmanager
def tcp_plugin(context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[str]]]:
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(f"{self.path} {self.headers['Accept']}")
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"Implements": ["VolumeDriver"]}).encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1], heard
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("scheme", ["tcp", "http"])
def test_a_plugin_at_an_address_of_the_network(scheme: str) -> None:
    with tcp_plugin() as (port, heard):
        address = PluginAddress("far", f"{scheme}://127.0.0.1:{port}")
        answer = asyncio.run(call_plugin(address, "Plugin.Activate", {}, 10.0))
        assert answer == {"Implements": ["VolumeDriver"]}
        assert heard == [f"/Plugin.Activate {MEDIA_TYPE}"]
        secured = PluginAddress("far", f"https://127.0.0.1:{port}")
        with pytest.raises(UnavailableError, match=r"plugin far: Plugin\.Activate: https://"):
            asyncio.run(call_plugin(secured, "Plugin.Activate", {}, 10.0))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_a_plugin_that_wants_a_certificate(certificates: Certificates, tmp_path: Path) -> None:
    """As a file of its folder describes it: ``{"Name", "Addr", "TLSConfig"}``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificates.server / "cert.pem", certificates.server / "key.pem")
    own = {
        "CAFile": str(certificates.ca),
        "CertFile": str(certificates.client / "cert.pem"),
        "KeyFile": str(certificates.client / "key.pem"),
    }
    with tcp_plugin(context) as (port, heard):

        def activate(tls: Mapping[str, object]) -> dict[str, object]:
            description = {"Name": "far", "Addr": f"https://127.0.0.1:{port}", "TLSConfig": tls}
            (tmp_path / "far.json").write_text(json.dumps(description))
            address = PluginFolders([], [tmp_path]).find("far")
            return asyncio.run(call_plugin(address, "Plugin.Activate", {}, 10.0))

        assert activate(own) == {"Implements": ["VolumeDriver"]}
        assert activate({**own, "CAFile": "", "InsecureSkipVerify": True}) == {"Implements": ["VolumeDriver"]}
        assert len(heard) == 2
        for wrong, reason in (
            ({**own, "CAFile": ""}, "certificate verify failed"),
            ({"CAFile": own["CAFile"]}, "alert|closed|reset|EOF|broken pipe"),
            ({**own, "CertFile": str(tmp_path / "none")}, "no such file"),
        ):
            with pytest.raises(UnavailableError, match=f"(?i){reason}"):
                activate(wrong)
        assert len(heard) == 2
