"""``scow manifest push``."""

from scow.cli.command import Command, exactly
from scow.cli.commands.manifest.create import named
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.cli.manifest_lists import ManifestStore, manifest_list, raw_manifest
from scow.spec.reference import Reference, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Entry = dict[str, Any]


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Sends a list, and the manifests in it with their blobs as far as the repository lacks them."""
    target = named(flags.arguments[0])
    store = ManifestStore(invocation.config_directory)
    entries = store.entries(target)
    if not entries:
        raise CommandError(f"{target} not found")
    for entry in entries:
        _check(entry, target)
    invocation.out.line(_push(invocation, target, entries, insecure=flags["insecure"]))
    if flags["purge"]:
        store.remove(target)


def _check(entry: "Entry", target: Reference) -> None:
    """What a list may hold. Raises CommandError."""
    source = parse_reference(entry["Ref"])
    if source.registry != target.registry:
        raise CommandError(
            "cannot use source images from a different registry than the target image: "
            f"{source.registry} != {target.registry}"
        )
    platform = entry["Descriptor"].get("platform") or {}
    if not platform.get("os") or not platform.get("architecture"):
        raise CommandError(
            f"manifest {entry['Ref']} must have an OS and Architecture to be pushed to a registry"
        )


def _push(invocation: "Invocation", target: Reference, entries: "list[Entry]", *, insecure: bool) -> str:
    from scow.cli.registry_access import RegistryAccess, bring_blobs
    from scow.distribution.repository import Document, Repository

    access = RegistryAccess(invocation, (target.registry,) if insecure else ())
    repository = access.target(target)
    try:
        for entry in entries:
            descriptor = entry["Descriptor"]
            document = Document(descriptor["mediaType"], descriptor["digest"], raw_manifest(entry))
            source = parse_reference(entry["Ref"])
            if source.repository != target.repository:
                bring_blobs(repository, Repository(repository.transport, source.repository), document)
            digest = repository.put_manifest(document.digest, document.media_type, document.data)
            invocation.out.line(f"Pushed ref {target.name}@{digest} with digest: {digest}")
        media_type, data = manifest_list(entries)
        return repository.put_manifest(target.tag or "latest", media_type, data)
    finally:
        repository.transport.close()


COMMAND = Command(
    run,
    "[OPTIONS] MANIFEST_LIST",
    "Push a manifest list to a repository",
    flags=(
        Flag("purge", BOOL, "Remove the local manifest list after push", short="p"),
        Flag("insecure", BOOL, "Allow push to an insecure registry"),
    ),
    arguments=exactly(1),
)
