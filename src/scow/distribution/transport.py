"""One endpoint over HTTP: connections, proxies, redirects, retries, and proof of who we are.

A redirect goes where the registry keeps its blobs, which is somebody else's server: no credentials go
along, only http and https are followed, never to a link-local address (where clouds keep secrets), and
never from https to http unless the endpoint is insecure anyway.
"""

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urljoin, urlsplit

from scow.distribution.cancellation import Cancellation, Cancelled
from scow.distribution.challenge import Challenge, parse_challenges
from scow.distribution.destinations import check_destination
from scow.distribution.endpoint import Endpoint, RegistrySettings
from scow.distribution.failures import MAX_BODY_BYTES, error_of
from scow.distribution.proxies import proxy_for
from scow.distribution.reasons import NOT_TLS, reason_of
from scow.errors import ScowError, UnavailableError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

CONNECT_TIMEOUT_S: Final = 15.0
READ_TIMEOUT_S: Final = 60.0
_ATTEMPTS: Final = 4
_FIRST_BACKOFF_S: Final = 0.25
_LONGEST_WAIT_S: Final = 10.0
_MAX_REDIRECTS: Final = 10
_RETRIED = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Body = bytes | Callable[[], Iterable[bytes]]


class NotTlsError(UnavailableError):
    """The server speaks plain HTTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an answer; the body is read with ``stream`` or ``read``, and ``close`` gives it up."""

    status: int
    headers: Mapping[str, str]
    url: str
    response: "BaseHTTPResponse"

    def read(self, max_bytes: int) -> bytes:
        """The whole body. Raises ScowError if it is larger, UnavailableError if it breaks off."""
        import urllib3

        try:
            data = self.response.read(max_bytes + 1, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise UnavailableError(f"{self.url}: the answer broke off: {exc}") from exc
        finally:
            self.close()
        if len(data) > max_bytes:
            raise ScowError(f"{self.url}: the answer is larger than {max_bytes} bytes")
        return data

    def stream(self, piece_bytes: int) -> Iterator[bytes]:
        """The body in pieces. Raises UnavailableError if it breaks off."""
        import urllib3

        try:
            yield from self.response.stream(piece_bytes, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise UnavailableError(f"{self.url}: the answer broke off: {exc}") from exc
        finally:
            self.close()

    def close(self) -> None:
        """Give the connection back if the body was read, else drop it."""
        if self.response.closed or not self.response.length_remaining:
            self.response.release_conn()
        else:
            self.response.close()


class Transport:
    """Requests to one endpoint. Threads may share it. ``authorize`` answers a challenge for a scope."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: RegistrySettings,
        authorize: Callable[["Transport", list[Challenge], str], str | None],
        user_agent: str,
    ) -> None:
        self.endpoint = endpoint
        self._settings = settings
        self._authorize = authorize
        self._user_agent = user_agent
        self._pools: dict[tuple[str, bool], PoolManager] = {}
        self._authorization: dict[str, str] = {}
        self._challenges: list[Challenge] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Drop all connections."""
        for pool in self._pools.values():
            pool.clear()

    def request(
        self,
        method: str,
        path: str,
        *,
        scope: str = "",
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        allowed: tuple[int, ...] = (200,),
        cancellation: Cancellation | None = None,
        retries: bool = True,
    ) -> Reply:
        """Ask; ``path`` is below the API's root, or a whole address that the registry gave for an upload.

        Statuses other than ``allowed`` are errors. Raises UnauthenticatedError, PermissionDeniedError,
        NotFoundError, UnavailableError, ScowError, and Cancelled.
        """
        url = path if "://" in path else self._address(path)
        cancellation = cancellation or Cancellation()
        attempts = _ATTEMPTS if retries else 1
        for attempt in range(1, attempts + 1):
            cancellation.check()
            last = attempt == attempts
            try:
                reply = self._authorized(method, url, scope, headers or {}, body, cancellation)
            except UnavailableError:
                if last:
                    raise
                cancellation.sleep(_backoff(attempt))
                continue
            if reply.status in allowed:
                return reply
            wait_s = _asked_to_wait(reply.headers)
            if reply.status in _RETRIED and not last and (wait_s or 0) <= _LONGEST_WAIT_S:
                reply.response.close()
                cancellation.sleep(max(_backoff(attempt), wait_s or 0))
                continue
            raise error_of(reply.status, reply.read(MAX_BODY_BYTES), f"{method} {url}", _challenges(reply))
        raise AssertionError("unreachable")

    def ping(self) -> None:
        """Whether a registry is there at all. What it wants to know of us is remembered for ``request``.

        Raises UnavailableError, ScowError.
        """
        reply = self._follow("GET", self._address(""), {}, None, None, Cancellation())
        if reply.status == 401:
            self._challenges = _challenges(reply)
        body = reply.read(MAX_BODY_BYTES)
        if reply.status >= 500:
            raise error_of(reply.status, body, f"GET {reply.url}")

    def _address(self, path: str) -> str:
        endpoint = self.endpoint
        url = f"{endpoint.url}{endpoint.root}/{path}"
        if not endpoint.namespace:
            return url
        return f"{url}{'&' if '?' in path else '?'}{urlencode({'ns': endpoint.namespace})}"

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """One request to another server that the registry named, without our proof for the registry.

        Raises PermissionDeniedError for addresses that no redirect may lead to, UnavailableError.
        """
        check_destination(url, self.endpoint)
        return self._send(method, url, {**headers, "User-Agent": self._user_agent}, body, Cancellation())

    def _authorized(
        self,
        method: str,
        url: str,
        scope: str,
        headers: Mapping[str, str],
        body: Body | None,
        cancellation: Cancellation,
    ) -> Reply:
        authorization = self._known_authorization(scope)
        reply = self._follow(method, url, headers, authorization, body, cancellation)
        if reply.status != 401:
            return reply
        answer = self._authorize(self, _challenges(reply), scope)
        if answer is None or answer == authorization:
            return reply
        reply.response.close()
        with self._lock:
            self._authorization[scope] = answer
        return self._follow(method, url, headers, answer, body, cancellation)

    def _known_authorization(self, scope: str) -> str | None:
        """What was accepted before, or what the registry said at first that it wants."""
        with self._lock:
            authorization = self._authorization.get(scope)
        if authorization is None and self._challenges:
            authorization = self._authorize(self, self._challenges, scope)
            if authorization is not None:
                with self._lock:
                    self._authorization[scope] = authorization
        return authorization

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        authorization: str | None,
        body: Body | None,
        cancellation: Cancellation,
    ) -> Reply:
        for _ in range(_MAX_REDIRECTS):
            sent = {**headers, "User-Agent": self._user_agent}
            if self._is_led(url):
                # Led there, by a redirect or by what the registry said of an upload.
                check_destination(url, self.endpoint)
            else:
                sent.update(self.endpoint.headers)
                if authorization:
                    sent["Authorization"] = authorization
            reply = self._send(method, url, sent, body, cancellation)
            target = reply.headers.get("location")
            if reply.status not in _REDIRECTS or not target:
                return reply
            reply.response.close()
            if method not in ("GET", "HEAD") and reply.status not in (307, 308):
                raise ScowError(f"{method} {url}: refusing to repeat the request at {target}")
            url = urljoin(url, target)
        raise ScowError(f"{method} {self.endpoint.url}: stopped after {_MAX_REDIRECTS} redirects")

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        cancellation: Cancellation,
    ) -> Reply:
        import urllib3

        try:
            cancellation.begin()
            response = self._pool(url).request(
                method,
                url,
                headers=dict(headers),
                body=body if isinstance(body, bytes) or body is None else body(),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            )
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            reason = reason_of(exc, url, proxy_for(url, self._settings))
            kind = NotTlsError if reason == NOT_TLS else UnavailableError
            raise kind(f'{method.title()} "{url}": {reason}') from exc
        finally:
            cancellation.end()
        try:
            cancellation.watch(response)
        except Cancelled:
            response.close()
            raise
        return Reply(response.status, response.headers, url, response)

    def _is_led(self, url: str) -> bool:
        """Whether ``url`` is another server's than the endpoint's."""
        return _origin(url) != _origin(self.endpoint.url)

    def _pool(self, url: str) -> "PoolManager":
        """One for each proxy in use, most often one; and one for where we are led."""
        led, proxy = self._is_led(url), proxy_for(url, self._settings)
        with self._lock:
            if (proxy, led) not in self._pools:
                self._pools[proxy, led] = _new_pools(self.endpoint, proxy, led=led)
            return self._pools[proxy, led]


def _challenges(reply: Reply) -> list[Challenge]:
    return parse_challenges(reply.response.headers.getlist("www-authenticate"))


def _new_pools(endpoint: Endpoint, proxy: str, *, led: bool) -> "PoolManager":
    from scow.distribution.connections import new_pools
    from scow.distribution.tls import context_for

    return new_pools(context_for(endpoint), proxy, led=led)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a server is told apart by (RFC 6454)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _backoff(attempt: int) -> float:
    # Spread: many layers that fail together should not come back together.
    return float(_FIRST_BACKOFF_S * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    return float(text) if text.isdigit() and len(text) < 6 else None
