"""Rights that a step takes and its client has to grant (``--allow``), by BuildKit's names."""

from collections.abc import Collection, Sequence

from scow.build.graph.ops import Op, RunOp
from scow.errors import InvalidArgumentError


def wanted_rights(op: Op, network: str) -> tuple[str, ...]:
    """Those of one step; ``network`` is the build's, which steps have that name none of their own."""
    if not isinstance(op, RunOp):
        return ()
    on_host = (network if op.network == "default" else op.network) == "host"
    return (*(["network.host"] if on_host else []), *(["security.insecure"] if op.insecure else []))


def check_granted(asked: Sequence[str], granted: Collection[str]) -> None:
    """Raises InvalidArgumentError for a right that the engine's settings give nobody."""
    for right in asked:
        # A device may follow by its name.
        if right.partition("=")[0] not in granted:
            raise InvalidArgumentError(
                f"granting entitlement {right} is not allowed by build daemon configuration"
            )
