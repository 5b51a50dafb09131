"""``scow manifest create``, and where the manifests of a list are found."""

from scow.cli.command import Command, at_least
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag
from scow.cli.manifest_lists import ManifestStore, make_entry
from scow.errors import InvalidArgumentError, NotFoundError
from scow.spec.reference import Reference, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Entry = dict[str, Any]

INSECURE = Flag("insecure", BOOL, "Allow communication with an insecure registry")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Begins a list, or adds to one."""
    target = named(flags.arguments[0], "error parsing name for manifest list")
    store = ManifestStore(invocation.config_directory)
    if store.has(target) and not flags["amend"]:
        raise CommandError("refusing to amend an existing manifest list with no --amend flag")
    for text in flags.arguments[1:]:
        reference = named(text, "error parsing name for manifest")
        entry = store.get(target, reference) or fetch(invocation, reference, insecure=flags["insecure"])
        store.save(target, reference, entry)
    invocation.out.line("Created manifest list", target)


def named(text: str, what: str = "") -> Reference:
    """A reference that a person typed, ``latest`` if nothing says which. Raises CommandError."""
    try:
        return parse_reference(text)
    except InvalidArgumentError as exc:
        raise CommandError(f"{what} {text}: {exc.message}" if what else exc.message) from exc


def fetch(invocation: "Invocation", reference: Reference, *, insecure: bool) -> "Entry":
    """The manifest of one image, from its registry. Raises CommandError, ScowError."""
    from scow.cli.registry_access import RegistryAccess, is_manifest

    access = RegistryAccess(invocation, (reference.registry,) if insecure else ())
    try:
        document = access.document(reference)
    except NotFoundError as exc:
        raise CommandError(f"no such manifest: {reference}") from exc
    if not is_manifest(document):
        raise CommandError(f"{reference} is a manifest list")
    config = access.config(reference, document)
    return make_entry(reference, document.media_type, document.digest, document.data, config)


COMMAND = Command(
    run,
    "MANIFEST_LIST MANIFEST [MANIFEST...]",
    "Create a local manifest list for annotating and pushing to a registry",
    flags=(Flag("amend", BOOL, "Amend an existing manifest list", short="a"), INSECURE),
    arguments=at_least(2),
)
