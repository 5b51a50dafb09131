"""What a build was: values that provenance is written from. No value of a secret is among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scow.spec.platform import Platform
from scow.spec.redaction import redacted


@dataclass(frozen=True, slots=True)
class Material:
    """Something that came from outside. ``digests`` by algorithm, hexadecimal."""

    uri: str
    digests: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As it stands in either version."""
        return {"uri": redacted(self.uri), "digest": dict(self.digests)}


@dataclass(frozen=True, slots=True)
class LentThing:
    """A secret or an agent that a step asked for, by its name."""

    id: str
    required: bool

    def document(self) -> dict[str, Any]:
        return {"id": self.id} | ({} if self.required else {"optional": True})


@dataclass(frozen=True, slots=True)
class Facts:
    """``arguments`` are the front end's options, ``context`` the remote one. Times are ns since the epoch.

    ``steps``, ``locations`` and ``layers`` are by step, in the words of BuildKit's graph.
    """

    file_name: str
    source: bytes
    arguments: Mapping[str, str]
    context: Material | None
    folders: tuple[str, ...]
    secrets: tuple[LentThing, ...]
    agents: tuple[LentThing, ...]
    materials: tuple[Material, ...]
    platform: Platform
    started_ns: int
    finished_ns: int
    invocation: str
    vcs: Mapping[str, str] = field(default_factory=dict)
    hermetic: bool = False
    steps: tuple[Mapping[str, Any], ...] = ()
    locations: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_all_materials(self) -> bool:
        """A folder of the client's is what nobody can fetch again."""
        return not self.folders and all(it.digests for it in self.materials)
