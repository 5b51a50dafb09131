"""``scow manifest inspect``."""

import json

from scow.cli.command import Command, between
from scow.cli.commands.manifest.create import INSECURE, fetch, named
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.cli.manifest_lists import ManifestStore, in_order, make_entry, manifest_list, raw_manifest
from scow.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation
    from scow.cli.registry_access import RegistryAccess
    from scow.distribution.repository import Document
    from scow.spec.reference import Reference

    Entry = dict[str, Any]


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints a manifest or a list: one in the making if there is one, else the registry's."""
    reference = named(flags.arguments[-1])
    store = ManifestStore(invocation.config_directory)
    if len(flags.arguments) == 2:
        target = named(flags.arguments[0])
        entry = store.get(target, reference)
        if entry is None:
            raise CommandError(f"No such manifest: {reference}")
        _print_one(invocation, entry, verbose=flags["verbose"])
    elif store.has(reference):
        _print_list(invocation, store.entries(reference), verbose=flags["verbose"])
    else:
        _inspect_remote(invocation, reference, flags)


def _inspect_remote(invocation: "Invocation", reference: "Reference", flags: "Flags") -> None:
    from scow.cli.registry_access import RegistryAccess, is_manifest

    access = RegistryAccess(invocation, (reference.registry,) if flags["insecure"] else ())
    try:
        document = access.document(reference)
    except NotFoundError as exc:
        raise CommandError(f"no such manifest: {reference}") from exc
    if not is_manifest(document):
        entries = _entries(access, reference, document) if flags["verbose"] else []
        _print_list(invocation, entries, verbose=flags["verbose"], document=document)
    elif flags["verbose"]:
        _print_one(invocation, fetch(invocation, reference, insecure=flags["insecure"]), verbose=True)
    else:
        _print_json(invocation, json.loads(document.data))


def _entries(access: "RegistryAccess", reference: "Reference", document: "Document") -> "list[Entry]":
    entries = []
    for item in json.loads(document.data)["manifests"]:
        found = access.document(reference.with_digest(item["digest"]))
        platform = item.get("platform") or {}
        name = f"{reference}@{found.digest}"
        entry = make_entry(reference, found.media_type, found.digest, found.data, platform)
        entries.append({**entry, "Ref": name})
    return entries


def _print_one(invocation: "Invocation", entry: "Entry", *, verbose: bool) -> None:
    _print_json(invocation, entry if verbose else json.loads(raw_manifest(entry)))


def _print_list(
    invocation: "Invocation", entries: "list[Entry]", *, verbose: bool, document: "Document | None" = None
) -> None:
    if verbose:
        _print_json(invocation, entries)
    elif document is None:
        invocation.out.line(manifest_list(entries)[1].decode())
    else:
        index = json.loads(document.data)
        shown = {
            "schemaVersion": index.get("schemaVersion"),
            "mediaType": document.media_type,
            "manifests": [_item(it) for it in index["manifests"]],
        }
        invocation.out.line(json.dumps(shown, indent=3, ensure_ascii=False))


def _item(descriptor: "dict[str, Any]") -> "dict[str, Any]":
    """What Docker shows of an entry; annotations are not among it."""
    names = ("mediaType", "size", "digest", "urls")
    shown: dict[str, Any] = {name: descriptor[name] for name in names if name in descriptor}
    return {**shown, "platform": in_order(descriptor.get("platform") or {})}


def _print_json(invocation: "Invocation", value: object) -> None:
    invocation.out.line(json.dumps(value, indent="\t", ensure_ascii=False))


COMMAND = Command(
    run,
    "[OPTIONS] [MANIFEST_LIST] MANIFEST",
    "Display an image manifest, or manifest list",
    flags=(
        INSECURE,
        Flag("verbose", BOOL, "Output additional info including layers and platform", short="v"),
    ),
    arguments=between(1, 2),
)
