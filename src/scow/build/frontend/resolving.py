"""Images that a build begins from: here, or pulled with the logins of the build's client."""

from contextlib import AbstractContextManager
from typing import Any

from scow.build.evaluate.base import BaseImage
from scow.build.frontend.foreign_bases import OCI_LAYOUT, RegistryBases
from scow.build.frontend.logins import credentials_host
from scow.build.frontend.told import Internal
from scow.build.frontend.workbench import Workbench
from scow.errors import InvalidArgumentError, NotFoundError, ScowError
from scow.image.model import Image
from scow.spec.engine_api.auth import AuthConfig
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.platform import Platform, rank
from scow.spec.reference import Reference, parse_reference


class ClientImages:
    """See ``scow.build.evaluate.base.Resolver``. ``always_pull``: what is here is asked for anew, once.

    ``told_as`` is what the client is told that it goes on, "" for what BuildKit calls it. ``describes``:
    nothing is to be built, so what is not here is described and not pulled.
    """

    def __init__(
        self, bench: Workbench, *, always_pull: bool, told_as: str = "", describes: bool = False
    ) -> None:
        self._bench = bench
        self._describes = describes
        self._images = bench.workshop.images
        self._foreign = RegistryBases(bench, describes=describes)
        self._always_pull = always_pull
        self._told_as = told_as

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        """Raises NotFoundError, InvalidArgumentError, ScowError."""
        if reference.startswith(OCI_LAYOUT):
            with self._telling_of(reference):
                return await self._foreign.bring_layout(reference, platform)
        try:
            name = parse_reference(reference)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f'failed to parse stage name "{reference}": {exc.message}') from exc
        with self._telling_of(str(name)) as told:
            image = await self._found(reference, name, platform, told)
            if image is None:
                return await self._foreign.bring(reference, name, platform)
            raw = await self._images.raw_config(image.id)
        config = decode_document(raw, ImageConfig, "image config")
        digest = _registry_digest(image, name)
        return BaseImage(str(name), image.chain_id, config, image.id, digest, platform, raw)

    def _telling_of(self, name: str) -> AbstractContextManager[Internal]:
        return self._bench.telling.internal(self._told_as or f"[internal] load metadata for {name}")

    async def _found(self, text: str, name: Reference, platform: Platform, told: Internal) -> Image | None:
        """The engine's own, or pulled; ``None`` for one that shall be no image here."""
        if not self._always_pull:
            try:
                image = self._images.resolve(_whole_name(text, name))
            except NotFoundError:
                pass
            else:
                for candidate in (image, *(variant for variant, _ in self._images.variants(image))):
                    if _serves(candidate, platform):
                        return candidate
        if self._describes or rank(self._bench.workshop.platform, platform) is None:
            return None
        return await self._pull(text, name, platform, told)

    async def _pull(self, text: str, name: Reference, platform: Platform, told: Internal) -> Image:
        username, password = await self._bench.client.credentials(credentials_host(name))
        auth = AuthConfig(username=username, password=password, server_address=name.registry)
        tag = name.digest or name.tag or "latest"
        try:
            registries = self._bench.workshop.registries
            async for message in await registries.pull(name.name, tag, str(platform), auth):
                _tell(told, message)
        except ScowError as exc:
            raise type(exc)(f"{text}: failed to resolve source metadata for {name}: {exc.message}") from exc
        return self._images.resolve(_whole_name(text, name))


def _whole_name(text: str, name: Reference) -> str:
    """What the engine is asked for: a name, or an id as a whole. What ``FROM`` says is no part of an id."""
    return text if text.startswith("sha256:") else str(name)


def _serves(image: Image, platform: Platform) -> bool:
    """Whether an image of the engine is for that platform; one that does not say is for all."""
    offered = Platform(image.os or platform.os, image.architecture, image.variant)
    return not image.architecture or rank(platform, offered) is not None


def _registry_digest(image: Image, name: Reference) -> str:
    """What a registry calls it, "" if it never was in one."""
    for text in image.repo_digests:
        known = parse_reference(text)
        if known.name == name.name and known.digest:
            return known.digest
    return ""


def _tell(told: Internal, message: dict[str, Any]) -> None:
    detail = message.get("progressDetail") or {}
    if message.get("id") and "current" in detail:
        told.transferred(message["id"], detail["current"], total=detail.get("total", 0))
