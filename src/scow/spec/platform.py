"""Platforms: operating system, architecture and variant, in the names that Go and the image-spec use."""

import re
from dataclasses import dataclass

from scow.errors import InvalidArgumentError

# uname(2) machine and other people's spellings → GOARCH and variant (containerd/platforms, database.go).
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv8l": ("arm", "v7"),
    "i386": ("386", ""),
    "i486": ("386", ""),
    "i586": ("386", ""),
    "i686": ("386", ""),
}
_KNOWN_ARCHITECTURES = {"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"}
# What a machine of one variant also runs, best first.
_RUNS = {
    ("arm64", "v8"): (("arm64", "v8"), ("arm", "v8"), ("arm", "v7"), ("arm", "v6"), ("arm", "v5")),
    ("arm", "v7"): (("arm", "v7"), ("arm", "v6"), ("arm", "v5")),
    ("arm", "v6"): (("arm", "v6"), ("arm", "v5")),
    ("amd64", ""): (("amd64", ""), ("386", "")),
}
_COMPONENT = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
# The version in brackets is Windows' own and of no use here.
_SYSTEM = re.compile(r"([A-Za-z0-9_-]+)(?:\([A-Za-z0-9_.-]*\))?", re.ASCII)
_MAX_PARTS = 4
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7"}


@dataclass(frozen=True, slots=True)
class Platform:
    """Where an image runs; ``variant`` is empty where the architecture has none or it does not matter."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def normalize(platform: Platform) -> Platform:
    """The same platform in canonical names: ``x86_64`` is ``amd64``, ``aarch64`` is ``arm64``."""
    architecture = platform.architecture.lower()
    architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
    variant = implied or platform.variant.lower()
    if architecture == "arm" and variant in ("5", "6", "7", "8"):
        variant = f"v{variant}"
    if (architecture, variant) in (("arm64", "8"), ("arm64", "v8"), ("amd64", "v1")):
        variant = ""
    return Platform(platform.os.lower(), architecture, variant)


def parse_platform(text: str) -> Platform:
    """Parse ``os[/architecture[/variant]]`` or a bare architecture. Raises InvalidArgumentError.

    A bare operating system leaves the architecture empty: the caller fills in the host's.
    """
    parts = _components(text)
    if len(parts) == 1:
        known = normalize(Platform("linux", parts[0]))
        if known.architecture in _KNOWN_ARCHITECTURES:
            return known
        if parts[0].lower() in ("linux", "windows", "darwin", "freebsd"):
            return Platform(parts[0].lower(), "")
        raise InvalidArgumentError(f'"{text}": unknown operating system or architecture: invalid argument')
    return normalize(Platform(*parts))


def parse_image_platform(text: str) -> Platform:
    """As ``parse_platform``, for an image that is being made: an ``arm64/v8`` that is asked for stays it."""
    found = parse_platform(text)
    if found.architecture == "arm64" and not found.variant and text.count("/") == 2:
        return Platform(found.os, found.architecture, "v8")
    return found


def _components(text: str) -> list[str]:
    """One to three of them. Raises InvalidArgumentError in the words of containerd/platforms."""
    if "*" in text:
        raise InvalidArgumentError(f'"{text}": wildcards not yet supported: invalid argument')
    first, *others = text.split("/", _MAX_PARTS - 1)
    system = _SYSTEM.fullmatch(first)
    if system is None:
        raise InvalidArgumentError(
            f'"{first}" is an invalid OS component of "{text}": OSAndVersion specifier component must match '
            r'"^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$": invalid argument'
        )
    for part in others:
        if not _COMPONENT.fullmatch(part):
            raise InvalidArgumentError(
                f'"{part}" is an invalid component of "{text}": platform specifier component must match '
                '"^[A-Za-z0-9_.-]+$": invalid argument'
            )
    if len(others) == _MAX_PARTS - 1:
        raise InvalidArgumentError(f'"{text}": cannot parse platform specifier: invalid argument')
    return [system[1], *others]


def host_platform(machine: str) -> Platform:
    """The platform of a Linux host whose ``uname -m`` is ``machine``."""
    return normalize(Platform("linux", machine))


def rank(wanted: Platform, offered: Platform) -> int | None:
    """How well ``offered`` serves ``wanted``: 0 is exact, more is worse, ``None`` does not run."""
    wanted, offered = normalize(wanted), normalize(offered)
    if wanted.os != offered.os:
        return None
    key = (wanted.architecture, wanted.variant or _DEFAULT_VARIANTS.get(wanted.architecture, ""))
    candidate = (offered.architecture, offered.variant or _DEFAULT_VARIANTS.get(offered.architecture, ""))
    choices = _RUNS.get(key, (key,))
    return choices.index(candidate) if candidate in choices else None
