"""``scow buildx imagetools inspect``."""

import json

from scow.cli.command import Command, exactly
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.commands.manifest.create import named
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag
from scow.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.cli.registry_access import RegistryAccess
    from scow.distribution.repository import Document
    from scow.spec.reference import Reference

_SPECIAL = {
    "created_by": "CreatedBy",
    "diff_ids": "DiffIDs",
    "empty_layer": "EmptyLayer",
    "os": "OS",
    "os.features": "OSFeatures",
    "os.version": "OSVersion",
    "rootfs": "RootFS",
    "urls": "URLs",
}


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Shows what a registry has under a name, as it is or as a person reads it."""
    from scow.cli.registry_access import RegistryAccess, is_manifest

    reference = named(flags.arguments[0])
    access = RegistryAccess(invocation)
    try:
        document = access.document(reference)
    except NotFoundError as exc:
        raise CommandError(f"ERROR: {reference}: not found") from exc
    if flags["raw"]:
        invocation.out.write_bytes(document.data)
    elif flags["format"]:
        _print_by_template(invocation, access, reference, document, flags["format"])
    else:
        _print_head(invocation, reference, document)
        if not is_manifest(document):
            _print_manifests(invocation, reference, json.loads(document.data)["manifests"])


def _print_head(invocation: "Invocation", reference: "Reference", document: "Document") -> None:
    invocation.out.write(
        f"Name:      {reference}\nMediaType: {document.media_type}\nDigest:    {document.digest}\n"
    )


def _print_manifests(
    invocation: "Invocation", reference: "Reference", manifests: "list[dict[str, Any]]"
) -> None:
    invocation.out.write(" " * 11 + "\nManifests: \n")
    facts = [_facts(reference, manifest) for manifest in manifests]
    width = max((len(name) for each in facts for name, _ in each), default=0)
    parts = []
    for manifest, each in zip(manifests, facts, strict=True):
        annotations = sorted((manifest.get("annotations") or {}).items())
        parts.append(_columns("  ", width, each) + _columns("    ", 0, annotations))
    invocation.out.write(f"{' ' * (width + 4)}\n".join(parts))


def _facts(reference: "Reference", manifest: "dict[str, Any]") -> "list[tuple[str, str]]":
    found = [("Name", f"{reference}@{manifest['digest']}"), ("MediaType", manifest.get("mediaType") or "")]
    platform = manifest.get("platform")
    if platform:
        found.append(("Platform", _platform(platform)))
        if platform.get("os.version"):
            found.append(("OSVersion", platform["os.version"]))
        if platform.get("os.features"):
            found.append(("OSFeatures", ", ".join(platform["os.features"])))
    if manifest.get("urls"):
        found.append(("URLs", ", ".join(manifest["urls"])))
    if manifest.get("annotations"):
        found.append(("Annotations", ""))
    return found


def _columns(margin: str, width: int, facts: "list[tuple[str, str]]") -> str:
    """Two columns, the first at least so wide."""
    width = max([width, *(len(name) for name, _ in facts)])
    return "".join(f"{margin}{f'{name}:'.ljust(width + 2)}{value}\n" for name, value in facts)


def _platform(platform: "dict[str, Any]") -> str:
    parts = (platform.get("os") or "", platform.get("architecture") or "", platform.get("variant") or "")
    return "/".join(filter(None, parts))


def _print_by_template(
    invocation: "Invocation",
    access: "RegistryAccess",
    reference: "Reference",
    document: "Document",
    template: str,
) -> None:
    from scow.cli.templates.template import render
    from scow.cli.templates.values import Struct

    found: dict[str, Any] = {
        "name": str(reference),
        "manifest": _manifest_value(document),
        "image": _images(access, reference, document),
    }
    if template == "{{json .}}":
        invocation.out.write(json.dumps(found, indent=2, ensure_ascii=False))
        return
    names = {"Name": "name", "Manifest": "manifest", "Image": "image", "Provenance": "", "SBOM": ""}
    if ".Provenance" in template or ".SBOM" in template:
        # Fetched only for who asks.
        found["Provenance"], found["SBOM"] = _attested(access, reference, document)
        names.update(Provenance="Provenance", SBOM="SBOM")
    member = template.removeprefix("{{json .").removesuffix("}}")
    if member in names and template == "{{json ." + member + "}}":
        invocation.out.write(json.dumps(found[names[member]], indent=2, ensure_ascii=False))
        return
    values = {**found, "manifest": _go_names(found["manifest"]), "image": _go_images(found["image"])}
    value = Struct("*imagetools.tplInputs", values, {name: (key, _same) for name, key in names.items()})
    invocation.out.write(render(template, value))


def _attested(
    access: "RegistryAccess", reference: "Reference", document: "Document"
) -> "tuple[dict[str, Any], dict[str, Any]]":
    """Provenance and SBOM, of the image or by platform if there are several."""
    from scow.cli.image_attestations import is_attestation, read_attestations
    from scow.cli.registry_access import is_manifest

    if is_manifest(document):
        return {}, {}
    manifests = json.loads(document.data)["manifests"]
    platforms = {it["digest"]: _platform(it.get("platform") or {}) for it in manifests}
    found = read_attestations(access, reference, manifests)
    by_platform = {platforms[digest]: it for digest, it in found.items() if digest in platforms}
    if sum(not is_attestation(it) for it in manifests) == 1:
        for it in by_platform.values():
            return it.provenance, it.sbom
    return (
        {platform: it.provenance for platform, it in by_platform.items()},
        {platform: it.sbom for platform, it in by_platform.items()},
    )


def _same(value: object) -> object:
    return value


def _manifest_value(document: "Document") -> "dict[str, Any]":
    from scow.cli.image_tools import describe, ordered
    from scow.cli.registry_access import is_manifest

    about = describe(document)
    if is_manifest(document):
        return about
    index = json.loads(document.data)
    manifests = [ordered(it) for it in index["manifests"]]
    return {"schemaVersion": 2, **about, "manifests": manifests}


def _go_names(value: object) -> object:
    """Descriptors under the names that their Go types have: what templates of buildx ask for."""
    if isinstance(value, list):
        return [_go_names(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {**value, **{_go_name(key): _go_names(each) for key, each in value.items()}}


def _go_images(value: "dict[str, Any]") -> object:
    return _go_names(value) if "rootfs" in value else {name: _go_names(each) for name, each in value.items()}


def _go_name(key: str) -> str:
    return _SPECIAL.get(key) or key[:1].upper() + key[1:]


def _images(access: "RegistryAccess", reference: "Reference", document: "Document") -> "dict[str, Any]":
    """The config, or one for each platform if there are several."""
    from scow.cli.image_attestations import is_attestation
    from scow.cli.image_tools import image_config
    from scow.cli.registry_access import is_manifest

    if is_manifest(document):
        return image_config(access.config(reference, document))
    found = {}
    for manifest in json.loads(document.data)["manifests"]:
        if is_attestation(manifest):
            continue
        one = reference.with_digest(manifest["digest"])
        inner = access.document(one)
        if is_manifest(inner):
            config = access.config(one, inner)
            found[_platform(config)] = image_config(config)
    # An index may be there for the sake of what it says of its only image.
    return next(iter(found.values())) if len(found) == 1 else found


COMMAND = Command(
    run,
    "[OPTIONS] NAME",
    "Show details of an image in the registry",
    flags=(
        BUILDER,
        Flag("format", STRING, "Format the output using the given Go template"),
        Flag("raw", BOOL, "Show original, unformatted JSON manifest"),
    ),
    arguments=exactly(1),
)
