"""``/images/*``: what is here, names for it, and archives coming in."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from scow.api.http.answer import Answer, Full, Stream
from scow.api.server.call import Call, json_answer
from scow.api.server.router import Route
from scow.api.server.streams import progress_stream
from scow.api.server.version_views import view_image, view_image_summary
from scow.api.server.versions import image_list_filters
from scow.errors import InvalidArgumentError
from scow.spec.api_version import ApiVersion
from scow.spec.engine_api.auth import AuthConfig, decode_auth_header
from scow.spec.engine_api.image import HistoryItem, ImageDeleteItem, ImageInspect, ImageSummary
from scow.spec.filters import Filters
from scow.spec.oci_image import PlatformDocument, decode_document
from scow.spec.platform import Platform

_TAR = "application/x-tar"
# Since when requests know of platforms (docs/api, version history).
_MANIFESTS_OF_LISTS, _MANIFESTS_OF_ONE = ApiVersion(1, 47), ApiVersion(1, 48)
_INSPECT_BY_PLATFORM, _REMOVE_BY_PLATFORM = ApiVersion(1, 49), ApiVersion(1, 50)
Progress = AsyncIterator[dict[str, Any]]


class ImageService(Protocol):
    """Images. What reports progress raises what it can before it returns, and the rest on the way."""

    async def inspect(self, name: str, platform: Platform | None, *, manifests: bool) -> ImageInspect: ...

    async def history(self, name: str, platform: Platform | None) -> list[HistoryItem]: ...

    async def tag(self, name: str, repo: str, tag: str) -> None: ...

    async def delete(
        self, name: str, force: bool, noprune: bool, platforms: Sequence[Platform] = ()
    ) -> list[ImageDeleteItem]: ...

    async def load(
        self, chunks: AsyncIterator[bytes], quiet: bool, platform: Platform | None
    ) -> Progress: ...

    async def save(self, names: Sequence[str], platform: Platform | None) -> AsyncIterator[bytes]: ...

    async def import_(
        self,
        chunks: AsyncIterator[bytes],
        *,
        repo: str,
        tag: str,
        message: str,
        changes: list[str],
        platform: str,
    ) -> Progress: ...

    async def list(
        self, *, all: bool, filters: Filters, shared_size: bool, digests: bool, manifests: bool
    ) -> list[ImageSummary]: ...


class TransferService(Protocol):
    """Images elsewhere. What can be raised before there is progress to report, is."""

    async def pull(self, image: str, tag: str, platform: str, auth: AuthConfig) -> Progress: ...

    async def push(self, name: str, tag: str, auth: AuthConfig, platform: Platform | None) -> Progress: ...

    async def fetch(self, url: str) -> AsyncIterator[bytes]: ...


def image_routes(images: ImageService, registries: TransferService) -> tuple[Route, ...]:
    """The endpoints of images."""
    handlers = _Images(images, registries)
    return (
        Route("GET", "/images/json", handlers.list),
        Route("GET", "/images/{name}/json", handlers.inspect),
        Route("GET", "/images/{name}/history", handlers.history),
        Route("GET", "/images/get", handlers.save),
        Route("GET", "/images/{name}/get", handlers.save_one),
        Route("POST", "/images/load", handlers.load),
        Route("POST", "/images/create", handlers.create),
        Route("POST", "/images/{name}/tag", handlers.tag, must_finish=True),
        Route("POST", "/images/{name}/push", handlers.push),
        Route("DELETE", "/images/{name}", handlers.delete, must_finish=True),
    )


class _Images:
    def __init__(self, images: ImageService, registries: TransferService) -> None:
        self._images = images
        self._registries = registries

    async def list(self, call: Call) -> Answer:
        query = call.query
        found = await self._images.list(
            all=query.boolean("all"),
            filters=image_list_filters(call.filters(), query.text("filter"), call.version),
            shared_size=query.boolean("shared-size"),
            digests=query.boolean("digests"),
            manifests=query.boolean("manifests") and call.version >= _MANIFESTS_OF_LISTS,
        )
        return json_answer([view_image_summary(item, call.version) for item in found])

    async def inspect(self, call: Call) -> Answer:
        manifests = call.query.boolean("manifests") and call.version >= _MANIFESTS_OF_ONE
        platform = _platform(call, _INSPECT_BY_PLATFORM)
        if manifests and platform is not None:
            raise InvalidArgumentError(
                "conflicting options: manifests and platform options cannot both be set"
            )
        found = await self._images.inspect(call.name, platform, manifests=manifests)
        return json_answer(view_image(found, call.version))

    async def history(self, call: Call) -> Answer:
        return json_answer(await self._images.history(call.name, _platform(call, _MANIFESTS_OF_ONE)))

    async def tag(self, call: Call) -> Answer:
        await self._images.tag(call.name, call.query.text("repo"), call.query.text("tag"))
        return Full(201)

    async def delete(self, call: Call) -> Answer:
        query = call.query
        texts = query.all("platforms") if call.version >= _REMOVE_BY_PLATFORM else []
        platforms = [_decode_platform(text) for text in texts]
        return json_answer(
            await self._images.delete(call.name, query.boolean("force"), query.boolean("noprune"), platforms)
        )

    async def push(self, call: Call) -> Answer:
        auth = decode_auth_header(call.request.header("x-registry-auth"))
        text = call.query.text("platform")
        platform = _decode_platform(text) if text else None
        return progress_stream(await self._registries.push(call.name, call.query.text("tag"), auth, platform))

    async def load(self, call: Call) -> Answer:
        quiet, platform = call.query.boolean("quiet", True), _platform(call, _MANIFESTS_OF_ONE)
        return progress_stream(await self._images.load(aiter(call.request.body), quiet, platform))

    async def save(self, call: Call) -> Answer:
        platform = _platform(call, _MANIFESTS_OF_ONE)
        return Stream(await self._images.save(call.query.all("names"), platform), _TAR)

    async def save_one(self, call: Call) -> Answer:
        return Stream(await self._images.save([call.name], _platform(call, _MANIFESTS_OF_ONE)), _TAR)

    async def create(self, call: Call) -> Answer:
        """Pull (``fromImage``) or import (``fromSrc``: ``-`` for the body, or an address)."""
        query = call.query
        if image := query.text("fromImage"):
            auth = decode_auth_header(call.request.header("x-registry-auth"))
            return progress_stream(
                await self._registries.pull(image, query.text("tag"), query.text("platform"), auth)
            )
        source = query.text("fromSrc")
        body = aiter(call.request.body) if source == "-" else await self._registries.fetch(source)
        progress = await self._images.import_(
            body,
            repo=query.text("repo"),
            tag=query.text("tag"),
            message=query.text("message") or f"Imported from {source}",
            changes=query.all("changes"),
            platform=query.text("platform"),
        )
        return progress_stream(progress)


def _platform(call: Call, since: ApiVersion) -> Platform | None:
    """What ``platform`` asks for, in versions that have it."""
    text = call.query.text("platform")
    return _decode_platform(text) if text and call.version >= since else None


def _decode_platform(text: str) -> Platform:
    return decode_document(text.encode(), PlatformDocument, "platform").platform()
