"""What a source operation asks for: an image, a folder of the client's, something at an address."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec

from scow.build.graph.ops import DownloadSource, GitSource
from scow.errors import InvalidArgumentError, UnsupportedError
from scow.spec.digest import parse_digest
from scow.spec.llb import SourceOp
from scow.spec.sent_files import ALL_FILES, FileChoice

_GIT_SECRETS = {"git.authtokensecret": "GIT_AUTH_TOKEN", "git.authheadersecret": "GIT_AUTH_HEADER"}
_MAX_ID = (1 << 32) - 2


@dataclass(frozen=True, slots=True)
class ImageWanted:
    """``pull``: what is here is asked for anew."""

    reference: str
    pull: bool = False


@dataclass(frozen=True, slots=True)
class LayoutWanted:
    """An image in a folder that the client lends by the name ``store``; ``reference`` has its digest."""

    reference: str
    store: str = ""


@dataclass(frozen=True, slots=True)
class FolderWanted:
    """A folder that the client calls so."""

    name: str
    choice: FileChoice = ALL_FILES


@dataclass(frozen=True, slots=True)
class FileWanted:
    """One file from an address, with the mode and owner that it is to have."""

    source: DownloadSource
    mode: int = 0o600
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class ResultWanted:
    """Layers that an earlier build on this engine came to."""

    chain_id: str


SourceWanted = ImageWanted | LayoutWanted | FolderWanted | FileWanted | GitSource | ResultWanted
RESULT_SCHEME = "scow-layers"
"""Of identifiers that stand for layers that are here, by their chain id."""


def source_wanted(op: SourceOp) -> SourceWanted:
    """Raises InvalidArgumentError, UnsupportedError for schemes and attributes that are not honoured."""
    scheme, separator, rest = op.identifier.partition("://")
    if not separator:
        raise InvalidArgumentError(f"failed to parse {op.identifier}: invalid")
    reader = _READERS.get(scheme)
    if reader is None:
        raise UnsupportedError(f"unknown scheme {scheme}: not found")
    return reader(op.identifier if scheme in ("http", "https") else rest, op.attributes)


def _image(reference: str, attributes: Mapping[str, str]) -> ImageWanted:
    found = ImageWanted(reference)
    for name, value in attributes.items():
        match name:
            case "image.resolvemode":
                if value not in ("", "default", "pull", "local"):
                    raise InvalidArgumentError(f"invalid resolvemode: {value}")
                found = replace(found, pull=value == "pull")
            case "image.recordtype":
                pass  # how a cache lists it
            case _:
                raise _unsupported(name)
    return found


def _layout(reference: str, attributes: Mapping[str, str]) -> LayoutWanted:
    found = LayoutWanted(reference)
    for name, value in attributes.items():
        match name:
            case "oci.store":
                found = replace(found, store=value)
            case "oci.session":
                pass  # the build's own client lends it
            case _:
                raise _unsupported(name)
    return found


def _folder(name: str, attributes: Mapping[str, str]) -> FolderWanted:
    choice = ALL_FILES
    for attribute, value in attributes.items():
        match attribute:
            case "local.includepattern":
                choice = replace(choice, include=_list(attribute, value))
            case "local.excludepatterns":
                choice = replace(choice, exclude=_list(attribute, value))
            case "local.followpaths":
                choice = replace(choice, follow=_list(attribute, value))
            case "local.session" | "local.unique" | "local.sharedkeyhint" | "local.differ":
                pass  # whose folder it is, and how a copy of it is kept
            case _:
                raise _unsupported(attribute)
    return FolderWanted(name, choice)


def _list(name: str, value: str) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(value, type=tuple[str, ...])
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"invalid {name}: {exc}") from exc


def _file(url: str, attributes: Mapping[str, str]) -> FileWanted:
    found = FileWanted(DownloadSource(url))
    for name, value in attributes.items():
        match name:
            case "http.checksum":
                found = replace(found, source=replace(found.source, checksum=parse_digest(value)))
            case "http.filename":
                if value != posixpath.basename(value) or value in ("", ".", ".."):
                    raise InvalidArgumentError(f"invalid http.filename {value!r}")
                found = replace(found, source=replace(found.source, name=value))
            case "http.perm":
                found = replace(found, mode=_number(name, value, 0o7777) or 0o600)
            case "http.uid":
                found = replace(found, uid=_number(name, value, _MAX_ID))
            case "http.gid":
                found = replace(found, gid=_number(name, value, _MAX_ID))
            case _:
                raise _unsupported(name)
    return found


def _number(name: str, text: str, most: int) -> int:
    """As Go reads it with base 0."""
    octal = len(text) > 1 and text[0] == "0" and text.isdecimal()
    try:
        number = int(text, 8 if octal else 0)
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid {name}: {text}") from exc
    if not 0 <= number <= most:
        raise InvalidArgumentError(f"invalid {name}: {text}")
    return number


def _repository(text: str, attributes: Mapping[str, str]) -> GitSource:
    address, _, fragment = text.partition("#")
    ref, _, folder = fragment.partition(":")
    subdir = posixpath.normpath(f"/{folder}").lstrip("/")
    found = GitSource(_with_scheme(address), ref, subdir, keep_git_dir=False)
    for name, value in attributes.items():
        match name:
            case "git.keepgitdir":
                found = replace(found, keep_git_dir=value == "true")
            case "git.fullurl":
                found = replace(found, remote=_with_scheme(value))
            case "git.authtokensecret" | "git.authheadersecret":
                if value != _GIT_SECRETS[name]:
                    raise UnsupportedError(f"{name} must be {_GIT_SECRETS[name]}, not {value}")
            case "git.knownsshhosts":
                found = replace(found, known_hosts=value)
            case "git.mountsshsock":
                found = replace(found, agent=value)
            case "git.checksum":
                found = replace(found, commit=value)
            case "git.skipsubmodules":
                found = replace(found, submodules=value != "true")
            case "git.mtime":
                if value not in ("", "checkout", "commit"):
                    raise InvalidArgumentError(f"invalid git.mtime: {value}")
                found = replace(found, commit_times=value == "commit")
            case _:
                raise _unsupported(name)
    return found


def _with_scheme(address: str) -> str:
    at_host = "@" in address.partition("/")[0] and ":" in address
    return address if "://" in address or at_host else f"https://{address}"


def _result(chain_id: str, attributes: Mapping[str, str]) -> ResultWanted:
    for name in attributes:
        raise _unsupported(name)
    return ResultWanted(parse_digest(chain_id))


def _unsupported(name: str) -> UnsupportedError:
    return UnsupportedError(f"attribute {name} of a source is not supported")


_READERS: dict[str, Callable[[str, Mapping[str, str]], SourceWanted]] = {
    "docker-image": _image,
    "oci-layout": _layout,
    "local": _folder,
    "http": _file,
    "https": _file,
    "git": _repository,
    RESULT_SCHEME: _result,
}
