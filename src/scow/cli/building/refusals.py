"""What can be seen to be wrong with a build before any of it is done, in buildx's words."""

from scow.cli.exits import CommandError
from scow.errors import InvalidArgumentError
from scow.spec.reference import parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.building.outputs import Output

_ENTITLEMENTS = ("network.host", "security.insecure", "device")


def check_asked(tags: list[str], outputs: "list[Output]", entitlements: list[str]) -> None:
    """Raises CommandError for a tag that no image can have, a push to nowhere, rights that there are not."""
    for tag in filter(None, tags):  # bake's definitions have "" for a tag that a condition leaves out
        try:
            parse_reference(tag)
        except InvalidArgumentError as exc:
            raise CommandError(f'ERROR: invalid tag "{tag}": {exc.message}') from exc
    for output in outputs:
        if output.attributes.get("push") == "true" and not output.attributes.get("name"):
            raise CommandError("ERROR: tag is needed when pushing to registry")
    for name in entitlements:
        # BuildKit has one more, for a device by its name.
        if name not in _ENTITLEMENTS and not name.startswith("device="):
            raise CommandError(f"ERROR: unknown entitlement {name}")
