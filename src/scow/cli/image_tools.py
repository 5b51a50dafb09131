"""Images and indexes as registries have them, put together anew: the work of ``buildx imagetools``.

An index is written as buildx writes it, so that both give the same digests.
"""

import json

from scow.cli.exits import CommandError
from scow.cli.manifest_lists import DOCKER_LIST, OCI_INDEX, in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.registry_access import RegistryAccess
    from scow.distribution.repository import Document
    from scow.spec.reference import Reference

    Descriptor = dict[str, Any]

_DOCKER = "application/vnd.docker."
_VOUCHES_FOR = "vnd.docker.reference.digest"


class Source:
    """One thing that an index is made of: where it is, and the manifests that it stands for."""

    __slots__ = ("descriptors", "document", "partial", "reference")

    def __init__(
        self,
        reference: "Reference",
        document: "Document",
        descriptors: "list[Descriptor]",
        *,
        partial: bool = False,
    ) -> None:
        """``partial``: the document has more than these manifests."""
        self.partial = partial
        self.reference = reference
        self.document = document
        self.descriptors = descriptors


def read_source(access: "RegistryAccess", reference: "Reference") -> Source:
    """What a registry has under a name. Raises ScowError."""
    from scow.cli.registry_access import is_manifest

    document = access.document(reference)
    if is_manifest(document):
        config = access.config(reference, document)
        return Source(reference, document, [describe(document, in_order(config))])
    return Source(reference, document, json.loads(document.data)["manifests"])


def describe(document: "Document", platform: "Descriptor | None" = None) -> "Descriptor":
    """The descriptor of a document."""
    found = {"mediaType": document.media_type, "digest": document.digest, "size": len(document.data)}
    return {**found, "platform": platform} if platform else found


def of_platforms(access: "RegistryAccess", source: Source, wanted: list[str]) -> Source:
    """Of an index only these platforms, with what vouches for them. Raises CommandError, ScowError."""
    from scow.spec.platform import parse_platform

    texts = {str(parse_platform(text)) for text in wanted}
    kept = [it for it in source.descriptors if _platform_text(it) in texts]
    digests = {it["digest"] for it in kept}
    kept += [it for it in source.descriptors if (it.get("annotations") or {}).get(_VOUCHES_FOR) in digests]
    if not kept:
        raise CommandError(f"ERROR: {source.reference} has nothing for {', '.join(sorted(texts))}")
    if len(kept) == 1:
        return read_source(access, source.reference.with_digest(kept[0]["digest"]))
    whole = len(kept) == len(source.descriptors)
    return source if whole else Source(source.reference, source.document, kept, partial=True)


def _platform_text(descriptor: "Descriptor") -> str:
    found = descriptor.get("platform") or {}
    return "/".join(filter(None, (found.get("os"), found.get("architecture"), found.get("variant"))))


def combine(
    sources: "list[Source]", annotations: list[str], *, prefers_index: bool = True
) -> tuple[str, bytes]:
    """Media type and bytes of the index of all manifests; a single index stays as it is.

    So does a single manifest, unless an index is preferred.
    """
    single = sources[0] if len(sources) == 1 and not annotations else None
    if single is not None and not single.partial and not (prefers_index and _is_one_manifest(single)):
        return single.document.media_type, single.document.data
    descriptors: dict[str, Descriptor] = {}
    for source in sources:
        for descriptor in source.descriptors:
            key = descriptor["digest"] + json.dumps(descriptor.get("platform"), sort_keys=True)
            descriptors.setdefault(key, descriptor)
    dockers = all(it.document.media_type.startswith(_DOCKER) for it in sources)
    index: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": DOCKER_LIST if dockers else OCI_INDEX,
        "manifests": [ordered(it) for it in descriptors.values()],
    }
    _annotate(index, annotations)
    return index["mediaType"], json.dumps(index, indent=2, ensure_ascii=False).encode()


def _is_one_manifest(source: Source) -> bool:
    return [it["digest"] for it in source.descriptors] == [source.document.digest]


def ordered(descriptor: "Descriptor") -> "Descriptor":
    """The members as the image-spec's Go types have them."""
    names = ("mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType")
    ordered = {name: descriptor[name] for name in names if descriptor.get(name) not in (None, "", [], {})}
    if "platform" in ordered:
        ordered["platform"] = in_order(ordered["platform"])
    return ordered


# The members that the image-spec's Go types have, in their order.
_IMAGE = (
    "created",
    "author",
    "architecture",
    "variant",
    "os",
    "os.version",
    "os.features",
    "config",
    "rootfs",
)
_CONFIG = (
    *("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"),
    "ArgsEscaped",
)
_STEP = ("created", "created_by", "author", "comment", "empty_layer")


def image_config(config: "dict[str, Any]") -> "dict[str, Any]":
    """An image's config as buildx shows it: what the image-spec knows of, and what is not empty."""
    found = _members(config, _IMAGE)
    found["config"] = _members(found.get("config") or {}, _CONFIG)
    if history := config.get("history"):
        found["history"] = [_members(step, _STEP) for step in history]
    return found


def _members(document: "dict[str, Any]", names: tuple[str, ...]) -> "dict[str, Any]":
    kept = {name: document.get(name) for name in names}
    return {name: value for name, value in kept.items() if value not in (None, "", False, [], {})}


def _annotate(index: "dict[str, Any]", annotations: list[str]) -> None:
    """``index:key=value`` or ``manifest-descriptor:key=value``. Raises CommandError."""
    for text in annotations:
        kind, colon, pair = text.partition(":")
        key, equals, value = pair.partition("=")
        if not colon or not equals or not key:
            raise CommandError(f"invalid annotation {text!r}, expected index:key=value")
        if kind == "index":
            index.setdefault("annotations", {})[key] = value
        elif kind == "manifest-descriptor":
            for descriptor in index["manifests"]:
                descriptor.setdefault("annotations", {})[key] = value
        else:
            raise CommandError(f"{kind} annotations are not supported")
    index["manifests"] = [ordered(it) for it in index["manifests"]]
