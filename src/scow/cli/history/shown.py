"""What a build told, as those take it who show builds: see ``scow.spec.direct_build.told_as_json``."""

import base64
import dataclasses

from scow.spec.build_progress import BuildProgress, OutputTold, TransferTold, VertexTold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def event_of(told: BuildProgress) -> "tuple[str, dict[str, Any]]":
    """Its kind, and its members."""
    found = {it.name: getattr(told, it.name) for it in dataclasses.fields(told)}
    if isinstance(told, OutputTold):
        return "output", {**found, "data": base64.b64encode(told.data).decode()}
    if isinstance(told, VertexTold):
        return "vertex", found
    if isinstance(told, TransferTold):
        return "transfer", found
    found.pop("place")
    return "warning", found
