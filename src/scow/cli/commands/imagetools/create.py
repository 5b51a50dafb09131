"""``scow buildx imagetools create``."""

import json

from scow.cli.command import Command, at_least
from scow.cli.commands.manifest.create import named
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag, list_of
from scow.cli.global_flags import BUILDX_FLAGS
from scow.spec.digest import sha256_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.shown_work import ShownWork
    from scow.cli.flags import Flags
    from scow.cli.image_tools import Source
    from scow.cli.invocation import Invocation
    from scow.cli.registry_access import RegistryAccess
    from scow.spec.reference import Reference


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Makes an index of what registries have and puts it, with all it names, where the tags say."""
    from scow.cli.building.modern import display_for
    from scow.cli.building.shown_work import ShownWork
    from scow.cli.image_tools import combine, of_platforms, read_source
    from scow.cli.registry_access import RegistryAccess

    tags = [named(text) for text in flags["tag"]]
    if not tags and not flags["dry-run"]:
        raise CommandError("can't push with no tags specified, please set --tag or --dry-run")
    if not flags.arguments and not flags["file"]:
        raise CommandError("no sources specified")
    names = [named(text) for text in flags.arguments]
    if flags["append"]:
        if len(tags) != 1:
            raise CommandError(f"--append needs one tag, not {len(tags)}")
        names.insert(0, tags[0])
    access = RegistryAccess(invocation)
    sources = [read_source(access, name) for name in names]
    sources += [_from_file(access, path, tags, names) for path in flags["file"]]
    if flags["platform"]:
        wanted = [one for text in flags["platform"] for one in text.split(",")]
        sources = [of_platforms(access, it, wanted) for it in sources]
    media_type, data = combine(sources, flags["annotation"], prefers_index=flags["prefer-index"])
    if flags["dry-run"]:
        invocation.out.line(data.decode())
        return
    display = display_for(invocation, flags["progress"])
    try:
        for name in dict.fromkeys(tag.name for tag in tags):
            with ShownWork(display, f"[internal] pushing {name}") as work:
                of_name = [tag for tag in tags if tag.name == name]
                _publish(work, access, of_name, sources, media_type, data)
    finally:
        display.close()
    if flags["metadata-file"]:
        _write_facts(flags["metadata-file"], tags, media_type, data)


def _write_facts(path: str, tags: "list[Reference]", media_type: str, data: bytes) -> None:
    """What was made, and what it is called. Raises OSError."""
    descriptor = {"mediaType": media_type, "digest": sha256_of(data), "size": len(data)}
    facts = {"containerimage.descriptor": descriptor, "image.name": ",".join(map(str, tags))}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(facts, indent=2) + "\n")


def _from_file(
    access: "RegistryAccess", path: str, tags: "list[Reference]", names: "list[Reference]"
) -> "Source":
    """A descriptor in a file is of something in the repository of the first name. Raises CommandError."""
    from scow.cli.image_tools import read_source

    where = [*names, *tags]
    try:
        with open(path, "rb") as file:
            digest = str(json.loads(file.read())["digest"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CommandError(f"{path} has no descriptor: {exc}") from exc
    if not where:
        raise CommandError(f"no repository is named that {path} could be of")
    return read_source(access, where[0].with_digest(digest))


def _publish(
    work: "ShownWork",
    access: "RegistryAccess",
    tags: "list[Reference]",
    sources: "list[Source]",
    media_type: str,
    data: bytes,
) -> None:
    """The manifests, then the index by each of its tags in one repository: nobody sees one that is not whole.

    Raises ScowError.
    """
    target = access.target(tags[0])
    try:
        for source in sources:
            if source.reference.name != tags[0].name:
                _copy(work, access, tags[0], target, source)
        for tag in tags:
            work.log(f"pushing {sha256_of(data)} to {tag}")
            target.put_manifest(tag.tag or "latest", media_type, data)
    finally:
        target.transport.close()


def _copy(
    work: "ShownWork", access: "RegistryAccess", tag: "Reference", target: "object", source: "Source"
) -> None:
    from scow.cli.registry_access import bring_blobs, is_manifest
    from scow.distribution.repository import Repository

    assert isinstance(target, Repository)
    origin = access.source(source.reference)
    try:
        for descriptor in source.descriptors:
            work.log(f"copying {descriptor['digest']} from {source.reference} to {tag.name}")
            document = origin.document(descriptor["digest"])
            if is_manifest(document):
                bring_blobs(target, origin, document)
            target.put_manifest(document.digest, document.media_type, document.data)
    finally:
        origin.transport.close()


STRING_ARRAY = list_of(name="stringArray")
BUILDER = BUILDX_FLAGS[0]

COMMAND = Command(
    run,
    "[OPTIONS] [SOURCE] [SOURCE...]",
    "Create a new image based on source images",
    flags=(
        Flag("annotation", STRING_ARRAY, "Add annotation to the image"),
        Flag("append", BOOL, "Append to existing manifest"),
        BUILDER,
        Flag("dry-run", BOOL, "Show final image instead of pushing"),
        Flag("file", STRING_ARRAY, "Read source descriptor from file", short="f"),
        Flag("metadata-file", STRING, "Write create result metadata to a file"),
        Flag("platform", STRING_ARRAY, "Filter specified platforms of target image", short="p"),
        Flag(
            "prefer-index",
            BOOL,
            "When only a single source is specified, prefer outputting an image index or manifest list "
            "instead of performing a carbon copy",
            default=True,
        ),
        Flag(
            "progress",
            STRING,
            'Set type of progress output ("auto", "none", "plain", "rawjson", "tty"). '
            "Use plain to show container output",
            default="auto",
        ),
        Flag("tag", STRING_ARRAY, "Set reference for new image", short="t"),
    ),
    arguments=at_least(0),
)
