"""Rights that a step takes and its client has to grant (``--allow``), by BuildKit's names."""

from scow.build.graph.ops import Op, RunOp


def wanted_rights(op: Op, network: str) -> tuple[str, ...]:
    """Those of one step; ``network`` is the build's, which steps have that name none of their own."""
    if not isinstance(op, RunOp):
        return ()
    on_host = (network if op.network == "default" else op.network) == "host"
    return (*(["network.host"] if on_host else []), *(["security.insecure"] if op.insecure else []))
