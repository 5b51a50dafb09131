"""The small files of a layer are gathered, and made by whoever is free: this process, or an assistant.

Making a file takes longer than reading it from the archive, and one processor can do no more than one of
them. What is gathered or lent is not there yet, so whatever could meet it waits until it is: an entry of the
same name or of a folder below it, a hard link, a deletion. Each file is somebody's alone, so in which order
they are made does not matter.
"""

from collections.abc import Callable, Iterator, Sequence

from scow.errors import ScowError
from scow.image.tar.reader import Entry
from scow.image.tree_maker import TreeMaker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object  # an unpacker is started for a moment: it does without typing

MAX_SMALL_BYTES = 64 << 10
# A batch is some milliseconds of work, beside which passing it on costs little.
_BATCH_FILES = 32
_BATCH_BYTES = 64 << 10


class SmallFile:
    """A regular ``entry`` and its ``content``, to be ``name`` in ``folder``.

    ``number`` is how many contents the recipe had before it.
    """

    __slots__ = ("content", "entry", "folder", "name", "number")

    def __init__(self, entry: Entry, content: bytes, folder: str, name: str, number: int) -> None:
        self.entry = entry
        self.content = content
        self.folder = folder
        self.name = name
        self.number = number

    @property
    def path(self) -> str:
        """From the root."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


class Assistant(Protocol):
    """Somebody else who makes files in the same folders; perhaps not there, or not yet."""

    def lend(self, files: list[SmallFile]) -> bool:
        """Have ``files`` made; False if there is nobody, or enough to do already."""

    def collect(self, *, wait: bool) -> Iterator[tuple[list[SmallFile], list[int]]]:
        """What was lent and is done, each with the places of files whose names were taken; all, or as it is.

        Raises ScowError.
        """

    def forget_folders(self) -> None:
        """A folder was removed: paths may mean others from now on."""


class SmallFiles:
    """Gathers files for ``tree`` and an assistant. ``replace`` makes one whose name is taken."""

    def __init__(self, tree: TreeMaker, assistant: Assistant, replace: Callable[[SmallFile], None]) -> None:
        self._tree = tree
        self._assistant = assistant
        self._replace = replace
        self._gathered: list[SmallFile] = []
        self._gathered_bytes = 0
        self._pending: set[str] = set()
        self._folder = ""

    def add(self, file: SmallFile) -> None:
        """To be made. Raises ScowError for this or another."""
        self._gathered.append(file)
        self._gathered_bytes += len(file.content)
        self._pending.add(file.path)
        if len(self._gathered) >= _BATCH_FILES or self._gathered_bytes >= _BATCH_BYTES:
            files = self._take_gathered()
            self._collect(wait=False)
            if not self._assistant.lend(files):
                self._make(files)

    def settle_before(self, path: str, folder: str) -> None:
        """See to it that ``path`` in ``folder`` meets nothing that is only going to be there."""
        if path in self._pending or (folder != self._folder and self._has_pending_above(folder)):
            self.settle()
        # What becomes pending afterwards and is above this folder is in another one.
        self._folder = folder

    def _has_pending_above(self, folder: str) -> bool:
        while folder and folder not in self._pending:
            folder = folder.rpartition("/")[0]
        return bool(folder)

    def settle(self) -> None:
        """All of them are there afterwards. Raises ScowError."""
        self._collect(wait=True)
        self._make(self._take_gathered())

    def forget_folders(self) -> None:
        """See ``Assistant``."""
        self._assistant.forget_folders()

    def _take_gathered(self) -> list[SmallFile]:
        files, self._gathered, self._gathered_bytes = self._gathered, [], 0
        return files

    def _make(self, files: list[SmallFile]) -> None:
        taken = make_files(self._tree, files)
        if taken:
            self._collect(wait=True)  # what is replaced may hold what was lent before
        self._done(files, taken)

    def _collect(self, *, wait: bool) -> None:
        for files, taken in self._assistant.collect(wait=wait):
            self._done(files, taken)

    def _done(self, files: list[SmallFile], taken: list[int]) -> None:
        for place in taken:
            try:
                self._replace(files[place])
            except OSError as exc:
                raise _failure(files[place], exc) from exc
        self._pending.difference_update([file.path for file in files])


def make_files(tree: TreeMaker, files: Sequence[SmallFile]) -> list[int]:
    """Make ``files``; returns the places of those whose name is taken. Raises ScowError, naming the file."""
    taken = []
    for place, file in enumerate(files):
        try:
            folder_fd = tree.folder(file.folder, file.entry.name, make=False)
            tree.make_small_file(file.entry, file.content, folder_fd, file.name)
        except FileExistsError:
            taken.append(place)
        except OSError as exc:
            raise _failure(file, exc) from exc
    return taken


def _failure(file: SmallFile, exc: OSError) -> ScowError:
    return ScowError(f"failed to register layer: {file.entry.name}: {exc.strerror or exc}")
