"""Where a build's result goes: ``--output``, ``--push``, ``--load``; and how it is put there."""

import os
import stat
from binascii import a2b_base64

from scow.cli.building.attestations import annotation_attributes
from scow.cli.exits import CommandError
from scow.cli.options.csv_fields import split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from scow.cli.flags import Flags

    Exchange = dict[str, Any]

STDOUT = "-"
LOCAL_DELETE = "buildx.local.delete"
"""What ``--allow`` takes beside the engine's entitlements: it is about this machine."""
_TO_FILE = ("tar", "oci", "docker")


class Output:
    """One result: what the engine makes, and where it is put here. ``dest`` is empty for the engine's own.

    ``removes_stale``: whatever else is in the folder goes.
    """

    __slots__ = ("attributes", "dest", "kind", "removes_stale")

    def __init__(self, kind: str, attributes: dict[str, str], dest: str) -> None:
        self.kind = kind
        self.attributes = attributes
        self.dest = dest
        self.removes_stale = False

    def exchange(self) -> "Exchange":
        """As the engine is asked. A folder comes as an archive and is unpacked here."""
        return {"kind": "tar" if self.kind == "local" else self.kind, "attributes": self.attributes}


def outputs_of(flags: "Flags") -> "list[Output]":
    """At most one that comes here. Raises CommandError."""
    names = {"name": ",".join(flags["tag"])} if flags["tag"] else {}
    names |= annotation_attributes(flags["annotation"])
    wanted = [_parse(text, names) for text in flags["output"]]
    if flags["push"]:
        wanted.append(Output("image", {**names, "push": "true"}, ""))
    elif flags["load"] or not wanted:
        wanted.append(Output("image", dict(names), ""))
    for output in wanted:
        _check_mode(output, flags["allow"])
    if sum(1 for it in wanted if it.dest) > 1:
        raise CommandError("only one output can be written to this machine")
    return wanted


def _check_mode(output: Output, allowed: "list[str]") -> None:
    """``mode=delete`` is for folders below the working directory, unless it is allowed elsewhere."""
    if output.kind != "local":
        return
    mode = output.attributes.pop("mode", "").strip().lower()
    if mode not in ("", "copy", "delete"):
        raise CommandError(f'ERROR: invalid local exporter mode "{mode}"')
    output.removes_stale = mode == "delete"
    here = os.path.realpath(os.getcwd()).rstrip("/") + "/"
    is_below = os.path.realpath(output.dest).startswith(here)
    if output.removes_stale and not is_below and LOCAL_DELETE not in allowed:
        raise CommandError(
            f'ERROR: local output mode=delete for destination "{output.dest}" requires --allow={LOCAL_DELETE}'
        )


def _parse(text: str, names: dict[str, str]) -> Output:
    if "=" not in text:
        return Output("tar", {}, STDOUT) if text == STDOUT else Output("local", {}, text)
    fields = dict(_field(it) for it in split_fields(text))
    kind, dest = fields.pop("type", ""), fields.pop("dest", "")
    if not kind:
        raise CommandError("type is required for output")
    if kind == "registry":
        kind, fields = "image", {**fields, "push": "true"}
    if kind == "local" and not dest:
        raise CommandError("dest is required for local output")
    if kind in _TO_FILE:
        if not dest and kind == "docker":
            kind = "image"
        elif not dest:
            dest = STDOUT
    if dest == STDOUT and os.isatty(1):
        raise CommandError(f"dest file is required for {kind} exporter. refusing to write to console")
    return Output(kind, {**names, **fields}, dest if kind in (*_TO_FILE, "local") else "")


def _field(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"invalid value {text}")
    return key.strip().lower(), value


class Sink:
    """Takes the bytes that come for ``output`` and puts them where they belong.

    A file has its name when all of it has come; without ``close`` in a ``with`` block nothing is left of it.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._file: BinaryIO | None = None
        self._unnamed = ""

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._unnamed:
            os.unlink(self._unnamed)

    def take(self, data: str) -> None:
        """The next piece, base64. Raises OSError."""
        if self._file is None:
            self._file = self._opened()
        self._file.write(a2b_base64(data))

    def close(self) -> None:
        """All is there: a folder is unpacked now."""
        if self._file is None:
            return
        if self._output.kind == "local":
            self._file.seek(0)
            _unpack(self._file, self._output)
        self._file.close()
        if self._unnamed:
            os.rename(self._unnamed, self._output.dest)
            self._unnamed = ""

    def _opened(self) -> "BinaryIO":
        if self._output.kind == "local":
            import tempfile

            return tempfile.TemporaryFile()
        if self._output.dest == STDOUT:
            return open(1, "wb", closefd=False)
        path = os.path.abspath(self._output.dest)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            return open(path, "wb")  # a pipe, a device, a link to somewhere
        name = f"{os.path.dirname(path)}/.tmp-{os.path.basename(path)}{os.urandom(4).hex()}"
        file = open(name, "xb")
        self._unnamed = name
        return file


def _unpack(archive: "BinaryIO", output: Output) -> None:
    """As files of the person who asked."""
    from scow.cli.copying.unpacking import unpack

    os.makedirs(output.dest, exist_ok=True)
    names = unpack(iter(lambda: archive.read(1 << 20), b""), output.dest, "", "")
    if output.removes_stale:
        from scow.cli.copying.stale import remove_stale

        remove_stale(output.dest, names)
