"""One GET of an address that a Dockerfile names, through the engine's proxies, as Go's client does it.

Each address on the way has a proxy of its own or none: what the build itself is given
(``--build-arg HTTP_PROXY``) is for its programs, not for this.
"""

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from scow.distribution.proxies import Proxies, proxy_for
from scow.distribution.reasons import reason_of
from scow.errors import UnavailableError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

TIMEOUT_S: Final = 30.0
_PASSWORD = re.compile(r"^(https?://[^/@:]*):[^/@]*@", re.I)
_MAX_REDIRECTS = 10  # as many as Go's client follows


def without_password(url: str) -> str:
    """As people may see it (Go's net/http does the same)."""
    return _PASSWORD.sub(r"\1:***@", url)


class NotFetchedError(UnavailableError):
    """An address that gave nothing, in Go's words; ``status`` is what the server answered, or empty."""

    def __init__(self, message: str, url: str, status: str = "") -> None:
        super().__init__(message)
        self.url = without_password(url)
        self.status = status


def get(url: str, proxies: Proxies) -> "BaseHTTPResponse":
    """The answer, to be read and closed. Blocks. Raises NotFetchedError."""
    address = url
    for _ in range(_MAX_REDIRECTS + 1):
        answer = _asked(address, url, proxies)
        where = answer.get_redirect_location()
        if not where:
            return answer
        answer.close()
        address = urljoin(address, where)
    raise NotFetchedError(f'Get "{without_password(url)}": stopped after {_MAX_REDIRECTS} redirects', url)


def _asked(address: str, url: str, proxies: Proxies) -> "BaseHTTPResponse":
    # Few builds get files from elsewhere; the engine starts without an HTTP client.
    import ssl

    import urllib3

    from scow.distribution.connections import new_pools

    proxy = proxy_for(address, proxies)
    pools = new_pools(ssl.create_default_context(), proxy, led=False)
    try:
        return pools.request(
            "GET", address, preload_content=False, redirect=False, retries=False, timeout=TIMEOUT_S
        )
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        message = f'Get "{without_password(url)}": {reason_of(exc, address, proxy)}'
        raise NotFetchedError(message, url) from exc
