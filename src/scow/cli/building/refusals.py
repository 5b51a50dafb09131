"""What can be seen to be wrong with a build before any of it is done, in buildx's words."""

from scow.cli.building.outputs import LOCAL_DELETE
from scow.cli.exits import CommandError
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.outputs import Output
    from scow.cli.flags import Flags

_ENTITLEMENTS = ("network.host", "security.insecure", "device")


def engine_rights(flags: "Flags") -> list[str]:
    """What ``--allow`` says that is for the engine; one right is about this machine. Raises CommandError."""
    names = [it for text in flags["allow"] for it in text.split(",") if it and it != LOCAL_DELETE]
    if any(it.startswith(f"{LOCAL_DELETE}=") for it in names):
        raise CommandError(f"ERROR: {LOCAL_DELETE} does not accept a value")
    if flags["network"] == "host":
        names.append("network.host")  # as buildx: who says the one means the other
    return names


def check_asked(tags: list[str], outputs: "list[Output]", entitlements: list[str]) -> None:
    """Raises CommandError for a tag that no image can have, a push to nowhere, rights that there are not."""
    for tag in filter(None, tags):  # bake's definitions have "" for a tag that a condition leaves out
        if not is_plain(tag):
            _check_tag(tag)
    for output in outputs:
        if output.attributes.get("push") == "true" and not output.attributes.get("name"):
            raise CommandError("ERROR: tag is needed when pushing to registry")
    for name in entitlements:
        # BuildKit has one more, for a device by its name.
        if name not in _ENTITLEMENTS and not name.startswith("device="):
            raise CommandError(f"ERROR: unknown entitlement {name}")


def is_plain(tag: str) -> bool:
    """Whether a tag is right at first sight, as most are. The grammar takes 10 ms to load."""
    name, colon, label = tag.partition(":")
    parts = name.split("/")
    return (
        tag.isascii()
        and len(tag) < 64  # a digest's digits are no name
        and all(part.replace("-", "").isalnum() and part == part.strip("-").lower() for part in parts)
        and (not colon or label.isalnum() or (label[:1].isalnum() and label.replace(".", "").isalnum()))
    )


def _check_tag(tag: str) -> None:
    from scow.spec.reference import parse_reference

    try:
        parse_reference(tag)
    except InvalidArgumentError as exc:
        raise CommandError(f'ERROR: invalid tag "{tag}": {exc.message}') from exc
