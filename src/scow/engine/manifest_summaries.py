"""The variants of an image of several platforms as the API tells of them (1.47 and later). Pure."""

from collections.abc import Sequence

from scow.image.model import Image
from scow.image.platforms import VariantRecord, platform_document
from scow.spec.engine_api.image import ManifestSummary
from scow.spec.oci_image import LAYOUT_MANIFEST


def manifest_summary(
    image: Image | None, record: VariantRecord, containers: Sequence[str]
) -> ManifestSummary:
    """One variant. Everything of it is here, once: unpacked, with what it takes to make its archive again.

    Or nothing, if its ``image`` was removed alone.
    """
    platform = platform_document(record.platform)
    content, unpacked = (record.content_bytes, image.size) if image is not None else (0, 0)
    return ManifestSummary(
        id=record.manifest,
        descriptor={
            "mediaType": LAYOUT_MANIFEST,
            "digest": record.manifest,
            "size": record.manifest_bytes,
            "platform": platform,
        },
        available=image is not None,
        size={"Content": content, "Total": content + unpacked},
        kind="image",
        image_data={
            "Platform": platform,
            "Containers": list(containers),
            "Size": {"Unpacked": unpacked},
        },
    )
