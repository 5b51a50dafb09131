"""What an exporter is asked for, its attributes made into values.

Names and forms are BuildKit's: exporter/containerimage/exptypes/keys.go and annotations.go.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scow.build.export.compression import Compression, read_compression
from scow.build.source_date_epoch import parse_epoch
from scow.errors import InvalidArgumentError
from scow.spec.go_bool import FALSE, TRUE
from scow.spec.platform import Platform
from scow.spec.reference import Reference, parse_reference

_ANNOTATION = re.compile(
    r"annotation(?:-(manifest|index|manifest-descriptor|index-descriptor))?(?:\[([A-Za-z0-9_/.-]+)\])?\.(\S+)"
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """``place`` is "manifest", "index" or either with "-descriptor"; ``platform`` "" for all of them."""

    place: str
    platform: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """Of an exporter that makes an image. ``oci`` is ``None`` where nothing was said."""

    names: tuple[Reference, ...] = ()
    push: bool = False
    by_digest: bool = False
    compression: Compression = field(default_factory=Compression)
    compression_given: bool = False
    oci: bool | None = None
    annotations: tuple[Annotation, ...] = ()
    rewrite_times: bool = False
    epoch_s: int | None = None

    def of(self, place: str, platform: Platform | None = None) -> dict[str, str]:
        """Annotations for one place; an index has those of every platform."""
        return {
            it.key: it.value
            for it in self.annotations
            if it.place == place
            and (place.startswith("index") or it.platform in ("", str(platform) if platform else ""))
        }

    @property
    def is_plain(self) -> bool:
        """Whether the image may go out as the engine would push it by itself."""
        return not (
            self.compression_given or self.oci or self.annotations or self.by_digest or self.rewrite_times
        )


def read_image_options(attributes: Mapping[str, str], default_epoch_s: int | None) -> ImageOptions:
    """Raises InvalidArgumentError."""
    forced = _boolean(attributes, "force-compression")
    epoch = attributes.get("source-date-epoch", "")
    return ImageOptions(
        names=_names(attributes.get("name", "")),
        push=_boolean(attributes, "push"),
        by_digest=_boolean(attributes, "push-by-digest"),
        compression=read_compression(
            attributes.get("compression", ""), attributes.get("compression-level", ""), forced=forced
        ),
        compression_given=forced or bool(attributes.get("compression")),
        oci=_boolean(attributes, "oci-mediatypes") if "oci-mediatypes" in attributes else None,
        annotations=tuple(_annotations(attributes)),
        rewrite_times=_boolean(attributes, "rewrite-timestamp"),
        epoch_s=parse_epoch(epoch) if epoch else default_epoch_s,
    )


def _annotations(attributes: Mapping[str, str]) -> list[Annotation]:
    found = []
    for name, value in sorted(attributes.items()):
        if not name.startswith("annotation"):
            continue
        match = _ANNOTATION.fullmatch(name)
        if match is None:
            raise InvalidArgumentError(f"unrecognized annotation type {name}")
        found.append(Annotation(match[1] or "manifest", match[2] or "", match[3], value))
    return found


def _names(text: str) -> tuple[Reference, ...]:
    found = [parse_reference(name) for it in text.split(",") if (name := it.strip())]
    if any(it.digest for it in found):
        raise InvalidArgumentError("cannot name an image by a digest")
    return tuple(found)


def _boolean(attributes: Mapping[str, str], name: str) -> bool:
    """An attribute without a value is true, one that is not there is not."""
    text = attributes.get(name)
    if text is None or text in FALSE:
        return False
    if text and text not in TRUE:
        raise InvalidArgumentError(f"non-bool value specified for {name}")
    return True
