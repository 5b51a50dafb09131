"""Image references: ``registry/repository[:tag][@digest]``, by the grammar of distribution/reference.

What people type is short ("busybox"); what is stored is whole ("docker.io/library/busybox:latest").
``familiar`` goes back. Error texts are Docker's.
"""

import re
from dataclasses import dataclass, replace

from scow.errors import InvalidArgumentError
from scow.spec.digest import parse_digest

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
_LEGACY_REGISTRY = "index.docker.io"
_OFFICIAL = "library/"
_MAX_NAME = 255

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_PATH_PART}(?:/{_PATH_PART})*"
_REFERENCE = re.compile(
    rf"(?P<name>(?P<domain>{_DOMAIN})/(?P<path>{_PATH}))"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A normalised reference. With a digest the tag is only what the user said, the digest decides."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar_name(self) -> str:
        """``name`` as people write it: "busybox", "user/app", "localhost:5000/app"."""
        if self.registry != DEFAULT_REGISTRY:
            return self.name
        rest = self.repository.removeprefix(_OFFICIAL)
        # "library/a/b" may not be shortened: "a/b" would mean something else.
        return self.repository if "/" in rest else rest

    def familiar(self) -> str:
        """The whole reference as people write it."""
        return self.familiar_name + self._suffix()

    def with_tag(self, tag: str) -> "Reference":
        """The same repository under ``tag``."""
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: str) -> "Reference":
        """The same repository at ``digest``, without a tag: how an image's origin is recorded."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        return self.name + self._suffix()

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str, default_tag: bool = True) -> Reference:
    """Normalise what a person typed; ``default_tag`` adds ``latest`` where nothing says which.

    Raises InvalidArgumentError.
    """
    if _IDENTIFIER.fullmatch(text):
        raise InvalidArgumentError(
            f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
        )
    registry, rest = _split_registry(text)
    path = re.split("[:@]", rest, maxsplit=1)[0]
    if path != path.lower():
        raise InvalidArgumentError(f"invalid reference format: repository name ({path}) must be lowercase")
    match = _REFERENCE.fullmatch(f"{registry}/{rest}")
    if match is None:
        raise InvalidArgumentError("invalid reference format")
    if len(match["path"]) > _MAX_NAME:
        raise InvalidArgumentError(f"repository name must not be more than {_MAX_NAME} characters")
    digest = parse_digest(match["digest"]) if match["digest"] else None
    tag = match["tag"] or (DEFAULT_TAG if default_tag and not digest else None)
    return Reference(match["domain"], match["path"], tag, digest)


def is_registry(head: str) -> bool:
    """Whether the first component of a name is the address of a registry."""
    return head == "localhost" or any(mark in head for mark in ".:") or head != head.lower()


def _split_registry(text: str) -> tuple[str, str]:
    """The first component is a registry if it could not be a user name on Docker Hub."""
    head, slash, rest = text.partition("/")
    if slash and is_registry(head) and head not in (DEFAULT_REGISTRY, _LEGACY_REGISTRY):
        return head, rest
    path = rest if slash and head in (DEFAULT_REGISTRY, _LEGACY_REGISTRY) else text
    return DEFAULT_REGISTRY, path if "/" in path else _OFFICIAL + path
