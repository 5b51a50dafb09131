"""Images on their way out as an archive: their layers stay while somebody reads it."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, closing

from scow.image.catalog import Catalog
from scow.image.layers import LayerTar
from scow.image.platforms import index_document
from scow.image.save import SavedImage, SavedIndex, archive
from scow.image.threads import run_to_end
from scow.spec.reference import Reference

Tars = Callable[[str], AbstractAsyncContextManager[tuple[bytes, list[LayerTar]]]]


async def save(
    images: Mapping[str, list[Reference]], catalog: Catalog, tars: Tars
) -> AsyncGenerator[bytes, None]:
    """See ``ImageStore.save``; ``tars`` gives an image's config and layers, see there."""
    async with AsyncExitStack() as stack:
        found = [await _to_write(stack, target, names, catalog, tars) for target, names in images.items()]
        with closing(archive(found)) as pieces:
            while (piece := await run_to_end(next, pieces, None)) is not None:
                yield piece


async def _to_write(
    stack: AsyncExitStack, target: str, names: Sequence[Reference], catalog: Catalog, tars: Tars
) -> SavedImage | SavedIndex:
    index = catalog.index(target)
    if index is None:
        raw_config, layers = await stack.enter_async_context(tars(target))
        return SavedImage(target, raw_config, layers, names, catalog.get(target).parent)
    variants = []
    for image in catalog.variants(index):
        raw_config, layers = await stack.enter_async_context(tars(image.id))
        variants.append(SavedImage(image.id, raw_config, layers, ()))
    for_host = index.image_ids.index(catalog.find(target).id)
    return SavedIndex(index_document(index.here), variants, for_host, names)
