"""Pulling, pushing and logging in: the registry verbs of the API over the image room's client."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

from scow.distribution.credentials import Credentials
from scow.distribution.endpoint import RegistrySettings
from scow.distribution.registries import Registries
from scow.distribution.repository import Document, Repository
from scow.distribution.resolve import platforms
from scow.distribution.search import DEFAULT_LIMIT, SearchResult, search, search_term
from scow.distribution.transport import Reply
from scow.engine.search_filters import search_filter
from scow.engine.transfer_messages import message_of
from scow.errors import (
    InvalidArgumentError,
    NotFoundError,
    ScowError,
    UnavailableError,
)
from scow.image.remote.progress import Progress, Pulled
from scow.image.remote.pull import Puller
from scow.image.remote.push import Pusher
from scow.image.store import ImageStore
from scow.image.threads import run_transfer
from scow.spec.engine_api.auth import AuthConfig, LoginAnswer, registry_host
from scow.spec.engine_api.image import DistributionInspect
from scow.spec.filters import Filters
from scow.spec.oci_image import Descriptor, ImageConfig, decode_document
from scow.spec.platform import Platform, host_platform, parse_platform
from scow.spec.reference import DEFAULT_REGISTRY, Reference, parse_reference

_PIECE_BYTES = 256 << 10
_HUB_ADDRESSES = frozenset({"", "index.docker.io", "docker.io", "registry-1.docker.io"})


@contextmanager
def _as_dockers_errors() -> Iterator[None]:
    """A registry that does not answer is a plain failure of Docker's engine, which is there itself."""
    try:
        yield
    except UnavailableError as exc:
        raise ScowError(exc.message, hint=exc.hint) from exc


class RegistryClient:
    """What the routes call for ``images/create``, ``images/*/push``, ``auth`` and ``distribution``."""

    def __init__(
        self,
        registries: Registries,
        puller: Puller,
        pusher: Pusher,
        store: ImageStore,
        machine: str,
        tell_image: Callable[[str, str, str], None],
    ) -> None:
        self._registries = registries
        self._puller = puller
        self._pusher = pusher
        self._store = store
        self._host = host_platform(machine)
        self._tell = tell_image

    @property
    def registries(self) -> Registries:
        """The registries themselves."""
        return self._registries

    def configure(self, settings: RegistrySettings, *, downloads: int, attempts: int, uploads: int) -> None:
        """Other settings from now on; what is under way goes on as it began."""
        self._registries.configure(settings)
        self._puller.configure(downloads, attempts)
        self._pusher.configure(uploads)

    async def pull(
        self, image: str, tag: str, platform: str, auth: AuthConfig
    ) -> AsyncIterator[dict[str, Any]]:
        """``tag`` may be a digest; without any tag all of them are pulled.

        Raises InvalidArgumentError, NotFoundError, UnauthenticatedError, ScowError before it begins.
        """
        reference = _reference(image, tag)
        wanted = self._platform(platform)
        credentials = _credentials(auth)
        with _as_dockers_errors():
            if reference.tag or reference.digest:
                steps = await self._puller.pull(reference, wanted, credentials)
                return _told(self._pulled(reference, steps))
            tags = await self._puller.tags(reference, credentials)
        if not tags:
            raise NotFoundError(f"repository {reference.familiar_name} not found: no tags")
        return _told(self._pull_all(reference.familiar_name, tags, wanted, credentials))

    async def _pull_all(
        self, repository: str, references: list[Reference], platform: Platform, credentials: Credentials
    ) -> AsyncGenerator[Progress | Pulled, None]:
        """All of them, with one end."""
        is_new = False
        for reference in references:
            steps = await self._puller.pull(reference, platform, credentials)
            async with aclosing(self._pulled(reference, steps)) as told:
                async for step in told:
                    if isinstance(step, Pulled):
                        is_new = is_new or step.is_new
                    else:
                        yield step
        yield Pulled(repository, is_new)

    async def _pulled(
        self, reference: Reference, steps: AsyncGenerator[Progress | Pulled, None]
    ) -> AsyncGenerator[Progress | Pulled, None]:
        async with aclosing(steps):
            async for step in steps:
                yield step
        name = reference.familiar()
        self._tell(self._store.resolve(str(reference)).id, "pull", name)

    async def push(
        self, name: str, tag: str, auth: AuthConfig, platform: Platform | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Without a tag all tags are pushed. ``platform``: this variant alone, which the image must have.

        Raises InvalidArgumentError, NotFoundError; NotFoundError on the way, too.
        """
        reference = _reference(name, tag)
        if reference.digest:
            raise InvalidArgumentError("cannot push a digest reference")
        if platform is not None:
            self._store.for_platform(self._store.resolve(str(reference)), platform)
        return self._push_all(reference, _credentials(auth), platform)

    async def _push_all(
        self, asked: Reference, credentials: Credentials, platform: Platform | None
    ) -> AsyncIterator[dict[str, Any]]:
        yield {"status": f"The push refers to repository [{asked.name}]"}
        tags = self._store.tags(asked)
        if not tags:
            raise NotFoundError(f"An image does not exist locally with the tag: {asked.familiar_name}")
        if asked.tag and asked not in tags:
            raise NotFoundError(f"tag does not exist: {asked.familiar()}")
        for reference in [asked] if asked.tag else tags:
            image = self._store.resolve(str(reference))
            if platform is not None:
                image = self._store.for_platform(image, platform)
            steps = self._pusher.push(reference, image, credentials, alone=platform is not None)
            try:
                async for step in steps:
                    yield message_of(step)
            finally:
                await steps.aclose()
            self._tell(image.target, "push", reference.familiar())

    async def login(self, auth: AuthConfig) -> LoginAnswer:
        """Raises UnauthenticatedError, InvalidArgumentError, ScowError."""
        host = registry_host(auth.server_address)
        registry = DEFAULT_REGISTRY if host in _HUB_ADDRESSES else host
        with _as_dockers_errors():
            token = await run_transfer(self._registries.login, registry, _credentials(auth))
        return LoginAnswer(status="Login Succeeded", identity_token=token)

    async def distribution(self, name: str, auth: AuthConfig) -> DistributionInspect:
        """What a registry has under a name. Raises as ``pull``."""
        reference = parse_reference(name)

        def look(repository: Repository) -> DistributionInspect:
            document = repository.document(reference.digest or reference.tag or "")

            def of_config(descriptor: Descriptor) -> Platform:
                return _config_platform(repository.small_blob(descriptor.digest, descriptor.size))

            return _distribution(document, platforms(document, of_config))

        with _as_dockers_errors():
            found, repository = await run_transfer(
                self._registries.pulling, reference, _credentials(auth), look
            )
        repository.transport.close()
        return found

    async def search(
        self, term: str, limit: int | None, filters: Filters, auth: AuthConfig
    ) -> list[SearchResult]:
        """Repositories that an index has by ``term``. Raises InvalidArgumentError, and as ``pull``."""
        passes = search_filter(filters)
        host, word = search_term(term)
        ask = search(word, DEFAULT_LIMIT if limit is None else limit)
        with _as_dockers_errors():
            found = await run_transfer(self._registries.index, host, _credentials(auth), ask)
        return [result for result in found if passes(result)]

    async def fetch(self, url: str) -> AsyncIterator[bytes]:
        """A file on a web server, as an import wants it. Raises InvalidArgumentError, and as ``pull``."""
        with _as_dockers_errors():
            reply = await run_transfer(self._registries.web_file, url)
        return _pieces(reply)

    def _platform(self, text: str) -> Platform:
        if not text:
            return self._host
        found = parse_platform(text)
        return found if found.architecture else replace(self._host, os=found.os)


async def _told(steps: AsyncGenerator[Progress | Pulled, None]) -> AsyncIterator[dict[str, Any]]:
    async with aclosing(steps):
        async for step in steps:
            yield message_of(step)


async def _pieces(reply: Reply) -> AsyncIterator[bytes]:
    pieces = reply.stream(_PIECE_BYTES)
    try:
        while (piece := await run_transfer(next, pieces, b"")) != b"":
            yield piece
    finally:
        reply.close()


def _distribution(document: Document, found: list[Platform]) -> DistributionInspect:
    return DistributionInspect(
        descriptor={"mediaType": document.media_type, "digest": document.digest, "size": len(document.data)},
        platforms=[
            {"architecture": it.architecture, "os": it.os} | ({"variant": it.variant} if it.variant else {})
            for it in found
        ],
    )


def _reference(image: str, tag: str) -> Reference:
    reference = parse_reference(image, default_tag=False)
    if not tag:
        return reference
    separator = "@" if ":" in tag else ":"
    return parse_reference(f"{reference.name}{separator}{tag}", default_tag=False)


def _credentials(auth: AuthConfig) -> Credentials:
    username, password = auth.username, auth.password
    if auth.auth and not username:
        username, password = _split(auth.auth)
    return Credentials(username, password, auth.identity_token, auth.registry_token)


def _split(text: str) -> tuple[str, str]:
    """Name and password; what cannot be read counts as none, as the header itself does.

    An error of 401 would make a command line ask a person for a password, in a pipeline for ever.
    """
    from base64 import b64decode

    try:
        name, _, password = b64decode(text).decode().partition(":")
    except ValueError:
        return "", ""
    return (name, password) if password else ("", "")


def _config_platform(data: bytes) -> Platform:
    config = decode_document(data, ImageConfig, "image config")
    return Platform(config.os, config.architecture, config.variant)
