"""``--volume [source:]target[:options]``."""

import os

from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def binds_and_volumes(specs: list[str]) -> "tuple[list[str], dict[str, dict[str, Any]]]":
    """``HostConfig.Binds`` for texts that have a source, ``Config.Volumes`` for those that have none.

    A source that begins with a dot is a path from the current folder.
    """
    binds: list[str] = []
    volumes: dict[str, dict[str, Any]] = {}
    for spec in dict.fromkeys(specs):
        source = volume_source(spec)
        if source is None:
            volumes[spec] = {}
        elif source.startswith("."):
            binds.append(os.path.abspath(source) + spec[len(source) :])
        else:
            binds.append(spec)
    return binds, volumes


def volume_source(spec: str) -> str | None:
    """The source of a spec, None when it is just a target. Raises for too many or empty sections."""
    if not spec:
        raise InvalidArgumentError("invalid empty volume spec")
    if len(spec.encode()) <= 2:
        return None
    sections = _sections(spec)
    if "" in sections[:4]:
        raise InvalidArgumentError(f"invalid spec: {spec}: empty section between colons")
    if len(sections) > 3:
        raise InvalidArgumentError(f"invalid spec: {spec}: too many colons")
    return sections[0] if len(sections) > 1 else None


def _sections(spec: str) -> list[str]:
    """Split at colons; one letter and a colon is a Windows drive, so both stay together."""
    sections = [""]
    for char in spec:
        drive = char == ":" and len(sections[-1]) == 1 and sections[-1].isalpha()
        if char == ":" and not drive:
            sections.append("")
        else:
            sections[-1] += char
    return sections
