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
    lines = []
    for number, manifest in enumerate(manifests):
        if number:
            lines.append("\t\n")
        lines += [f"  {name}:\t{value}\n" for name, value in _facts(reference, manifest)]
    invocation.out.write(_columns(lines))


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
        found += [(f"  {key}", value) for key, value in sorted(manifest["annotations"].items())]
    return found


def _columns(lines: list[str]) -> str:
    """Two columns, the first as wide as it must be."""
    width = max([len(line.partition("\t")[0]) for line in lines], default=0) + 1
    return "".join(f"{head.ljust(width)}{rest}" for head, _, rest in (line.partition("\t") for line in lines))


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
    from scow.cli.template import render
    from scow.cli.template_values import Struct

    names = {"Name": "name", "Manifest": "manifest", "Image": "image"}
    found = {
        "name": str(reference),
        "manifest": _manifest_value(document),
        "image": _images(access, reference, document),
    }
    if template == "{{json .}}":
        invocation.out.write(json.dumps(found, indent=2, ensure_ascii=False))
        return
    member = template.removeprefix("{{json .").removesuffix("}}")
    if member in names and template == "{{json ." + member + "}}":
        invocation.out.write(json.dumps(found[names[member]], indent=2, ensure_ascii=False))
        return
    values = {**found, "manifest": _go_names(found["manifest"])}
    value = Struct("*imagetools.tplInputs", values, {name: (key, _same) for name, key in names.items()})
    invocation.out.write(render(template, value))


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


def _go_name(key: str) -> str:
    special = {"os": "OS", "os.version": "OSVersion", "os.features": "OSFeatures", "urls": "URLs"}
    return special.get(key) or key[:1].upper() + key[1:]


def _images(access: "RegistryAccess", reference: "Reference", document: "Document") -> object:
    """The config, or one for each platform."""
    from scow.cli.registry_access import is_manifest

    if is_manifest(document):
        return access.config(reference, document)
    found = {}
    for manifest in json.loads(document.data)["manifests"]:
        one = reference.with_digest(manifest["digest"])
        inner = access.document(one)
        if is_manifest(inner):
            config = access.config(one, inner)
            found[_platform(config)] = config
    return found


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
