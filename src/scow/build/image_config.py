"""The config of an image that was built: what its stage came to, in the words of either builder.

Both write one history entry for each instruction. The classic builder marks what changed no file with
``#(nop)``; BuildKit gives the instruction, and ``# buildkit`` after what ran or copied something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import msgspec

from scow.build.evaluate.stage_state import StageState
from scow.build.graph.job import Result
from scow.build.graph.ops import CopyOp, MergeOp, RunOp, Vertex
from scow.spec.engine_api.container import ContainerConfig
from scow.spec.oci_image import History

BUILDKIT = "buildkit.dockerfile.v0"
_PORTABLE = (
    *("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"),
    *("ArgsEscaped", "Healthcheck", "OnBuild", "Shell"),
)
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ImageParts:
    """Everything that a config is written from. ``diff_ids`` are of all layers, lowest first."""

    config: ContainerConfig | Mapping[str, object]
    architecture: str
    os: str
    variant: str
    author: str
    created: str
    history: Sequence[History]
    diff_ids: Sequence[str]


def encode_config(parts: ImageParts) -> bytes:
    """The JSON document; its digest is the image's id. What is empty is left out."""
    document = {
        "architecture": parts.architecture,
        "author": parts.author,
        "config": parts.config,
        "created": parts.created,
        "history": parts.history,
        "os": parts.os,
        "rootfs": {"type": "layers", "diff_ids": parts.diff_ids},
        "variant": parts.variant,
    }
    return msgspec.json.encode({key: value for key, value in document.items() if value != ""})


def portable_config(config: ContainerConfig) -> dict[str, object]:
    """What BuildKit writes of a config: an OCI image's members and Docker's three, and no empty one.

    https://github.com/moby/docker-image-spec
    """
    written = msgspec.to_builtins(config)
    return {name: written[name] for name in _PORTABLE if written.get(name) not in (None, "", [], {}, False)}


def rfc3339(at_ns: int) -> str:
    """A time in UTC with its nanoseconds."""
    seconds, fraction = divmod(at_ns, _NANOSECONDS)
    front = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{front}.{fraction:09d}Z" if fraction else f"{front}Z"


def no_later_than(history: Sequence[History], epoch_s: int) -> list[History]:
    """Entries that say no later time, nor none: those of a base that is older stay as they are."""
    epoch = datetime.fromtimestamp(epoch_s, UTC)
    moment = rfc3339(epoch_s * _NANOSECONDS)
    return [
        it if _is_before(it.created, epoch) else msgspec.structs.replace(it, created=moment) for it in history
    ]


def _is_before(created: str, epoch: datetime) -> bool:
    try:
        return datetime.fromisoformat(created) <= epoch
    except (ValueError, TypeError):
        return False


def buildkit_history(state: StageState, results: Mapping[Vertex, Result]) -> list[History]:
    """The base's history and what was done since. Steps without files have the time of those around them."""
    made = [
        History(
            created=rfc3339(created_ns) if (created_ns := _created_ns(it.vertex, results)) else "",
            created_by=_with_mark(it.text, it.vertex),
            comment=BUILDKIT,
            empty_layer=it.vertex is None or results[it.vertex].empty,
        )
        for it in state.made
    ]
    return _with_times([*state.base_history, *made])


def _created_ns(vertex: Vertex | None, results: Mapping[Vertex, Result]) -> int:
    return results[vertex].created_ns if vertex is not None else 0


def _with_mark(text: str, vertex: Vertex | None) -> str:
    works = vertex is not None and isinstance(vertex.op, RunOp | CopyOp | MergeOp)
    return f"{text} # buildkit" if works else text


def _with_times(history: list[History]) -> list[History]:
    """Entries without a time get that of the first new layer, or of the entry before."""
    known = [it.created for it in history if it.created]
    first_new = next(
        (after.created for before, after in pairwise(history) if not before.created and after.created), ""
    )
    current = first_new or (known[-1] if known else rfc3339(0))
    found = []
    began = False
    for entry in history:
        if entry.created:
            current = entry.created if began else current
        else:
            began = True
            entry = msgspec.structs.replace(entry, created=current)
        found.append(entry)
    return found
