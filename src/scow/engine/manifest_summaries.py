"""The variants of an image of several platforms as the API tells of them (1.47 and later). Pure."""

from collections.abc import Sequence

from scow.image.model import Image
from scow.image.platforms import VariantRecord, platform_document
from scow.spec.engine_api.image import ManifestSummary
from scow.spec.oci_image import LAYOUT_MANIFEST


def manifest_summary(image: Image, record: VariantRecord, containers: Sequence[str]) -> ManifestSummary:
    """One variant. Everything of it is here, once: unpacked, with what it takes to make its archive again."""
    platform = platform_document(record.platform)
    return ManifestSummary(
        id=record.manifest,
        descriptor={
            "mediaType": LAYOUT_MANIFEST,
            "digest": record.manifest,
            "size": record.manifest_bytes,
            "platform": platform,
        },
        available=True,
        size={"Content": record.content_bytes, "Total": record.content_bytes + image.size},
        kind="image",
        image_data={
            "Platform": platform,
            "Containers": list(containers),
            "Size": {"Unpacked": image.size},
        },
    )
