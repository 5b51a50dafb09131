"""Registries by name: which endpoint answers, and what it means when none does.

An endpoint is tried with what is wanted; the next one is tried when it does not answer, and, if it was a
mirror, also when it does not have it. What the last one said is what the user hears.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from scow.distribution.authorizer import Authorizer
from scow.distribution.credentials import Credentials
from scow.distribution.destinations import web_address
from scow.distribution.endpoint import PUSH, RESOLVE, Endpoint, RegistrySettings
from scow.distribution.endpoints import endpoints_for
from scow.distribution.failures import DeniedError, ManifestUnknownError, NameUnknownError
from scow.distribution.repository import Repository
from scow.distribution.transport import NotTlsError, Reply, Transport
from scow.errors import InvalidArgumentError, NotFoundError, ScowError, UnauthenticatedError, UnavailableError
from scow.spec.reference import Reference

T = TypeVar("T")


class Registries:
    """All registries, as daemon.json describes them. Threads may share it."""

    def __init__(self, settings: RegistrySettings, user_agent: str) -> None:
        self.settings = settings
        self._user_agent = user_agent
        self._silent: set[str] = set()
        self._lock = threading.Lock()

    def configure(self, settings: RegistrySettings) -> None:
        """Requests from now on are made so."""
        with self._lock:
            self.settings = settings
            self._silent = set()

    def pulling(
        self, reference: Reference, credentials: Credentials, use: Callable[[Repository], T]
    ) -> tuple[T, Repository]:
        """What ``use`` gives for the first endpoint that can do it, and the repository there. Blocks.

        Raises NotFoundError in Docker's words, UnauthenticatedError, UnavailableError, ScowError.
        """
        try:
            return self._first(reference, credentials, RESOLVE, use)
        except UnauthenticatedError as exc:
            # Not for our own client to answer with a password: docker would ask for one and try again.
            raise ScowError(exc.message) from exc
        except ManifestUnknownError as exc:
            raise NotFoundError(f"manifest for {reference.familiar()} not found: {exc}") from exc
        except NameUnknownError as exc:
            raise NotFoundError(f"repository {reference.familiar_name} not found: {exc}") from exc
        except DeniedError as exc:
            raise NotFoundError(
                f"pull access denied for {reference.familiar_name}, repository does not exist or may require "
                f"'docker login': {exc}"
            ) from exc

    def pushing(self, reference: Reference, credentials: Credentials) -> Repository:
        """The repository to push to: never a mirror. Blocks. Raises as ``pulling`` does."""
        return self._first(reference, credentials, PUSH, lambda repository: repository)[1]

    def login(self, registry: str, credentials: Credentials) -> str:
        """Prove the credentials; returns an identity token to keep, or "". Blocks.

        Raises UnauthenticatedError, UnavailableError.
        """
        error: ScowError | None = None
        for endpoint in endpoints_for(registry, self.settings, PUSH):
            authorizer = Authorizer(credentials)
            transport = Transport(endpoint, self.settings, authorizer, self._user_agent)
            try:
                transport.request("GET", "", retries=False).close()
            except UnauthenticatedError as exc:
                raise UnauthenticatedError(_login_failure(endpoint, exc)) from exc
            except UnavailableError as exc:
                error = exc
                continue
            finally:
                transport.close()
            return authorizer.identity_token
        raise error or UnavailableError(f"no endpoint for {registry}")

    def index(self, host: str, credentials: Credentials, use: Callable[[Transport], T]) -> T:
        """What ``use`` gives for the index of ``host``, by https or as it is trusted. Blocks.

        Raises UnauthenticatedError, UnavailableError, ScowError.
        """
        error: ScowError | None = None
        for found in endpoints_for(host, self.settings, PUSH):
            endpoint = replace(found, root="/v1", namespace="")
            transport = Transport(endpoint, self.settings, Authorizer(credentials), self._user_agent)
            try:
                return use(transport)
            except UnavailableError as exc:
                error = exc
            finally:
                transport.close()
        raise error or UnavailableError(f"no endpoint for {host}")

    def web_file(self, url: str) -> Reply:
        """A file on any web server, asked for as nobody. Blocks. Raises InvalidArgumentError, ScowError."""
        parts = web_address(url if "://" in url else f"http://{url}")
        if parts is None:
            raise InvalidArgumentError(f"{url} is not the address of a web server")
        endpoint = Endpoint(f"{parts.scheme}://{parts.netloc}")
        transport = Transport(endpoint, self.settings, Authorizer(Credentials()), self._user_agent)
        return transport.request("GET", parts.geturl())

    def _first(
        self,
        reference: Reference,
        credentials: Credentials,
        capability: str,
        use: Callable[[Repository], T],
    ) -> tuple[T, Repository]:
        error: ScowError | None = None
        for endpoint in endpoints_for(reference.registry, self.settings, capability):
            if endpoint.url in self._silent:
                continue
            # A mirror is another server: what is meant for the registry is not for it.
            theirs = Credentials() if endpoint.mirror else credentials
            transport = Transport(endpoint, self.settings, Authorizer(theirs), self._user_agent)
            repository = Repository(transport, reference.repository, push=capability == PUSH)
            try:
                self._greet(transport)
                return use(repository), repository
            except BaseException as exc:
                transport.close()
                if not isinstance(exc, ScowError) or not _try_the_next(endpoint, exc):
                    raise
                error = exc
        raise error or UnavailableError(f"no endpoint for {reference.registry}")

    def _greet(self, transport: Transport) -> None:
        """Whether a registry is there at all; one that does not speak TLS is not asked for it again."""
        url = transport.endpoint.url
        try:
            transport.ping()
        except NotTlsError:
            if not transport.endpoint.verify:
                with self._lock:
                    self._silent.add(url)
            raise


def _login_failure(endpoint: Endpoint, error: UnauthenticatedError) -> str:
    """What a token server says is shown; a registry itself says no more than that it was not that."""
    if error.message.startswith("unauthorized: authentication required"):
        return f"login attempt to {endpoint.url}/v2/ failed with status: 401 Unauthorized"
    return f"Get {endpoint.url!r}: {error.message}".replace("'", '"')


def _try_the_next(endpoint: Endpoint, error: ScowError) -> bool:
    if isinstance(error, UnavailableError):
        return True
    return endpoint.mirror and isinstance(error, NotFoundError | DeniedError | UnauthenticatedError)
