"""The connections that requests go by: urllib3's, with two things more.

Whoever waits for a server can be told to stop (``cancellation``); and where a registry has led us, each
proves to end where it may before it is used (``destinations``). Imported with urllib3, when it is wanted.
"""

import base64
import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from scow.distribution.cancellation import watched
from scow.distribution.destinations import check_peer

_MOST_KEPT = 8


class _Connection(HTTPConnection):
    """What both kinds of connections have in common: urllib3's one of TLS is one of these, too."""

    led = False

    def connect(self) -> None:
        super().connect()
        watched(self)
        if self.led and self.sock is not None:
            check_peer(self.sock, self.host)

    def request(self, *args: Any, **kwargs: Any) -> None:
        watched(self)
        super().request(*args, **kwargs)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _LedConnection(_Connection):
    led = True


class _LedTlsConnection(_TlsConnection):
    led = True


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _LedPool(HTTPConnectionPool):
    ConnectionCls = _LedConnection


class _LedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _LedTlsConnection


def new_pools(context: ssl.SSLContext, proxy: str, *, led: bool) -> PoolManager:
    """Pools of connections by way of ``proxy``, "" for none; ``led``: to where a registry has led us.

    A proxy looks names up itself: where its connections end only it knows.
    """
    if proxy:
        headers = _proof_of_identity(proxy)
        manager: PoolManager = ProxyManager(
            proxy, proxy_headers=headers, ssl_context=context, maxsize=_MOST_KEPT
        )
    else:
        manager = PoolManager(ssl_context=context, maxsize=_MOST_KEPT)
    kinds = (_LedPool, _LedTlsPool) if led and not proxy else (_Pool, _TlsPool)
    manager.pool_classes_by_scheme = dict(zip(("http", "https"), kinds, strict=True))
    return manager


def _proof_of_identity(proxy: str) -> dict[str, str]:
    """For a proxy whose address has a name and a password (percent-encoded, RFC 3986 section 3.2.1)."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
