"""One call to a plugin: JSON over HTTP, with a limit of time (Docker, "Docker Plugin API", version 1).

Every call has a connection and a thread of its own. A plugin that hangs costs its caller the time limit and
nobody else anything; one that has been started anew is simply spoken to again.
"""

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import msgspec

from scow.engine.volumes.plugin_discovery import PluginAddress, TlsFiles
from scow.errors import ScowError, TimeoutExceededError, UnavailableError
from scow.tasks import run_in_own_thread

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection

MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"
_MAX_ANSWER_BYTES = 16 << 20
_DEFAULT_PORTS = {"tcp": 80, "http": 80, "https": 443}


class PluginError(ScowError):
    """The plugin answered, and what it said was no."""


class _Refusal(msgspec.Struct, rename="pascal"):
    err: str = ""


async def call_plugin(plugin: PluginAddress, method: str, body: object, timeout_s: float) -> dict[str, Any]:
    """Call ``method``, which is like ``VolumeDriver.Create``; returns the answer.

    Raises PluginError, UnavailableError, TimeoutExceededError.
    """
    try:
        # The socket's own limit, in the thread, is for each piece of an answer; this one is for all of it.
        async with asyncio.timeout(timeout_s):
            return await run_in_own_thread(_call, plugin, method, msgspec.json.encode(body), timeout_s)
    except TimeoutError as exc:
        raise TimeoutExceededError(
            f"plugin {plugin.name}: no answer to {method} within {timeout_s:g} s"
        ) from exc


def _call(plugin: PluginAddress, method: str, body: bytes, timeout_s: float) -> dict[str, Any]:
    from http.client import HTTPException  # most engines have no plugins: 1 MB

    connection = None
    try:
        connection = _connection(plugin, timeout_s)
        connection.request("POST", f"/{method}", body, {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE})
        response = connection.getresponse()
        data = response.read(_MAX_ANSWER_BYTES + 1)
        return _answer(method, response.status, data)
    except TimeoutError:
        raise
    except (OSError, HTTPException) as exc:
        raise UnavailableError(f"plugin {plugin.name}: {method}: {_reason(plugin, exc)}") from exc
    finally:
        if connection is not None:
            connection.close()


def _reason(plugin: PluginAddress, exc: Exception) -> str:
    reason = (exc.strerror or "").lower() if isinstance(exc, OSError) else ""
    return f"{plugin.address}: {reason or str(exc) or type(exc).__name__}"


def _answer(method: str, status: int, data: bytes) -> dict[str, Any]:
    if len(data) > _MAX_ANSWER_BYTES:
        raise PluginError(f"{method}: the answer is longer than {_MAX_ANSWER_BYTES} bytes")
    if status != 200:
        raise PluginError(f"{method}: {_refusal(data) or f'status {status}'}")
    try:
        answer: dict[str, Any] = msgspec.json.decode(data or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise PluginError(f"{method}: no JSON object in the answer: {exc}") from exc
    if error := answer.get("Err"):
        raise PluginError(str(error))
    return answer


def _refusal(data: bytes) -> str:
    """What an answer with a bad status says: JSON with ``Err``, or text."""
    try:
        return msgspec.json.decode(data, type=_Refusal).err
    except (msgspec.MsgspecError, RecursionError):
        return data.decode(errors="replace").strip()[:1000]


def _connection(plugin: PluginAddress, timeout_s: float) -> "HTTPConnection":
    from http.client import HTTPConnection, HTTPSConnection

    scheme, _, place = plugin.address.partition("://")
    if scheme == "unix":
        connection = HTTPConnection("plugin", timeout=timeout_s)
        connection.sock = _connected(plugin, place, timeout_s)
        return connection
    host, _, port = place.rstrip("/").rpartition(":")
    if not port.isdigit():
        host, port = place.rstrip("/"), str(_DEFAULT_PORTS[scheme])
    if plugin.tls is not None or scheme == "https":
        context = _tls_context(plugin.tls or TlsFiles())
        return HTTPSConnection(host.strip("[]"), int(port), timeout=timeout_s, context=context)
    return HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)


def _connected(plugin: PluginAddress, path: str, timeout_s: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect(path)
    except OSError as exc:
        sock.close()
        reason = (exc.strerror or str(exc)).lower()
        raise UnavailableError(f"plugin {plugin.name}: dial unix {path}: connect: {reason}") from exc
    return sock


def _tls_context(files: TlsFiles) -> "ssl.SSLContext":
    from scow.tls_trust import client_context

    context = client_context(files.ca_file or None, verify=not files.insecure_skip_verify)
    if files.cert_file:
        context.load_cert_chain(files.cert_file, files.key_file or None)
    return context
