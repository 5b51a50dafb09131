"""The folder, archive or address that a build is made from, and what of it is sent."""

import os
import stat

from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scow.cli.copying.tar_format import Entry

STDIN = "-"
_IGNORE_FILE = ".dockerignore"
_ADDRESSES = ("http://", "https://", "git://", "ssh://", "git@", "github.com/")
_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


class BuildContext:
    """``folder`` is on this machine, or empty; ``address`` is for the engine to fetch, or empty.

    ``dockerfile`` is the name within the context. ``text`` is a Dockerfile that is not in it, ``None`` if
    it is. Without folder and address standard input is an archive, which begins with ``head``. ``path`` is
    where the Dockerfile is on this machine, empty if it is not a file here.
    """

    __slots__ = ("address", "dockerfile", "folder", "head", "path", "text")

    def __init__(
        self,
        *,
        folder: str = "",
        address: str = "",
        dockerfile: str = "Dockerfile",
        text: bytes | None = None,
        head: bytes = b"",
        path: str = "",
    ) -> None:
        self.folder = folder
        self.address = address
        self.dockerfile = dockerfile
        self.text = text
        self.head = head
        self.path = path


def find_context(path: str, dockerfile: str) -> BuildContext:
    """What ``path`` and ``--file`` mean. Raises CommandError in Docker's words."""
    if path == STDIN and dockerfile == STDIN:
        raise CommandError("invalid argument: can't use stdin for both build context and dockerfile")
    if path == STDIN:
        return _from_stdin(dockerfile)
    if path.startswith(_ADDRESSES):
        if dockerfile == STDIN:
            return BuildContext(address=path, text=_read_stdin(), dockerfile=_random_name())
        return BuildContext(address=path, dockerfile=dockerfile or "Dockerfile")
    if not os.path.isdir(path):
        raise CommandError(f'unable to prepare context: path "{path}" not found')
    return _of_folder(os.path.realpath(path), dockerfile)


def context_with(path: str, text: bytes) -> BuildContext:
    """What ``path`` means, with a Dockerfile that is not in it. Raises CommandError."""
    if path.startswith(_ADDRESSES):
        return BuildContext(address=path, text=text, dockerfile=_random_name())
    if not os.path.isdir(path):
        raise CommandError(f'unable to prepare context: path "{path}" not found')
    return BuildContext(folder=os.path.realpath(path), text=text, dockerfile=_random_name())


def _from_stdin(dockerfile: str) -> BuildContext:
    """An archive, or a Dockerfile alone."""
    head = b""
    while len(head) < 512 and (piece := os.read(0, 512 - len(head))):
        head += piece
    if not head:
        raise CommandError("failed to read context from stdin: empty")
    if head.startswith(_ARCHIVES) or head[257:262] == b"ustar":
        return BuildContext(dockerfile=dockerfile or "Dockerfile", head=head)
    return BuildContext(text=head + _read_stdin(), folder="")


def _of_folder(folder: str, dockerfile: str) -> BuildContext:
    if dockerfile == STDIN:
        return BuildContext(folder=folder, text=_read_stdin(), dockerfile=_random_name())
    path = os.path.realpath(dockerfile) if dockerfile else os.path.join(folder, "Dockerfile")
    if not dockerfile and not os.path.exists(path) and os.path.exists(os.path.join(folder, "dockerfile")):
        path = os.path.join(folder, "dockerfile")
    relative = os.path.relpath(path, folder)
    if not relative.startswith(".."):
        if not os.path.lexists(path):
            raise CommandError(
                f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat {path}: "
                "no such file or directory"
            )
        return BuildContext(folder=folder, dockerfile=relative, path=path)
    try:
        with open(path, "rb") as file:
            return BuildContext(folder=folder, text=file.read(), dockerfile=_random_name(), path=path)
    except OSError as exc:
        raise CommandError(f"unable to open Dockerfile: open {path}: {(exc.strerror or '').lower()}") from exc


def _read_stdin() -> bytes:
    return b"".join(iter(lambda: os.read(0, 1 << 16), b""))


def _random_name() -> str:
    """For a Dockerfile that is sent along with a context that it does not belong to."""
    return f".dockerfile.{os.urandom(10).hex()}"


def is_in_repository(environ: "Mapping[str, str]", folder: str) -> bool:
    """Whether git could know something of ``folder``."""
    if environ.get("GIT_DIR"):
        return True
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


def packed(context: BuildContext) -> "Iterator[bytes]":
    """The context as a tar, without what ``.dockerignore`` leaves out; owners are nobody's business.

    Raises OSError for what cannot be read.
    """
    if context.head:
        yield context.head
        while piece := os.read(0, 1 << 20):
            yield piece
        return
    extra = {context.dockerfile: context.text} if context.text is not None else {}
    if not context.folder:
        yield from _files_only(extra)
        return
    from scow.cli.copying.packing import pack_entries  # an engine of this machine reads the folder itself

    yield from pack_entries(context.folder, "", leaving_out(context), _as_roots, _headers(extra))


def _files_only(files: "dict[str, bytes]") -> "Iterator[bytes]":
    from scow.cli.copying.tar_format import END

    yield _headers(files) + END


def _headers(files: "dict[str, bytes]") -> bytes:
    from scow.cli.copying import tar_format

    data = b""
    for name, content in files.items():
        entry = tar_format.Entry(name, tar_format.REGULAR)
        entry.mode, entry.size = 0o600, len(content)
        data += tar_format.encode(entry) + tar_format.padded(content)
    return data


def _as_roots(entry: "Entry") -> None:
    entry.uid = entry.gid = 0


def leaving_out(context: BuildContext) -> "Callable[[str, int], bool]":
    """Whether an entry is not sent: its path and mode. The Dockerfile and the rules themselves always are."""
    from scow.spec.ignore_rules import parse_ignore_file

    text = _ignore_text(context)
    rules = parse_ignore_file(text)
    if not rules:
        return lambda path, mode: False
    kept = {context.dockerfile, _IGNORE_FILE}

    def leaves_out(path: str, mode: int) -> bool:
        if path in kept or not rules.ignores(path):
            return False
        if not stat.S_ISDIR(mode):
            return True
        holds_kept = any(name.startswith(f"{path}/") for name in kept)
        return not holds_kept and not rules.may_hold_included(path)

    return leaves_out


def _ignore_text(context: BuildContext) -> str:
    for name in (f"{context.dockerfile}{_IGNORE_FILE}", _IGNORE_FILE):
        try:
            with open(os.path.join(context.folder, name), encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            continue
    return ""
