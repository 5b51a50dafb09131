"""``scow manifest annotate``."""

from scow.cli.command import Command, exactly
from scow.cli.commands.manifest.create import named
from scow.cli.exits import CommandError
from scow.cli.flags import STRING, STRINGS, Flag
from scow.cli.manifest_lists import ManifestStore, in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

# What Go makes programs for (go tool dist list), as far as Docker's client knows it.
_ARCHITECTURES = {
    "darwin": "386 amd64 arm arm64",
    "dragonfly": "amd64",
    "freebsd": "386 amd64 arm",
    "linux": "386 amd64 arm arm64 mips64le ppc64le riscv64 s390x",
    "netbsd": "386 amd64 arm",
    "openbsd": "386 amd64 arm",
    "plan9": "386 amd64",
    "solaris": "amd64",
    "windows": "386 amd64 arm arm64",
}
_MEMBERS = {
    "os": "os",
    "arch": "architecture",
    "variant": "variant",
    "os-version": "os.version",
}


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Says of an entry of a list where its image runs."""
    target = named(flags.arguments[0], "annotate: error parsing name for manifest list")
    reference = named(flags.arguments[1], "annotate: error parsing name for manifest")
    store = ManifestStore(invocation.config_directory)
    entry = store.get(target, reference)
    if entry is None:
        raise CommandError(f"manifest for image {flags.arguments[1]} does not exist in {flags.arguments[0]}")
    platform = entry["Descriptor"].setdefault("platform", {})
    platform.update({member: flags[flag] for flag, member in _MEMBERS.items() if flags[flag]})
    if flags["os-features"]:
        known = platform.get("os.features") or []
        platform["os.features"] = [*known, *(it for it in flags["os-features"] if it not in known)]
    entry["Descriptor"]["platform"] = platform = in_order(platform)
    system, architecture = platform.get("os", ""), platform.get("architecture", "")
    if architecture not in _ARCHITECTURES.get(system, "").split():
        raise CommandError(
            f"manifest entry for image has unsupported os/arch combination: {flags['os']}/{flags['arch']}"
        )
    store.save(target, reference, entry)


COMMAND = Command(
    run,
    "[OPTIONS] MANIFEST_LIST MANIFEST",
    "Add additional information to a local image manifest",
    flags=(
        Flag("os", STRING, "Set operating system"),
        Flag("arch", STRING, "Set architecture"),
        Flag("os-version", STRING, "Set operating system version"),
        Flag("os-features", STRINGS, "Set operating system feature"),
        Flag("variant", STRING, "Set architecture variant"),
    ),
    arguments=exactly(2),
)
