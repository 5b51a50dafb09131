"""Which packages are installed in a file system, by what their programs wrote down: dpkg, apk, Python.

Everything read is a stranger's: files are bounded, paths stay in the tree, what cannot be read is left out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from scow.build.trees.tree import Node, Tree, follow, walk

_MAX_FILE_BYTES = 64 << 20
_MAX_METADATA_BYTES = 1 << 20
_METADATA = re.compile(r"(?:\.dist-info/METADATA|\.egg-info/PKG-INFO|\.egg-info)$")
_NAME = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """``kind`` is a package URL's type: "deb", "apk", "pypi". ``source`` is what it was found in."""

    kind: str
    name: str
    version: str
    architecture: str
    source: str

    def address(self, distribution: str, release: str) -> str:
        """Its package URL (package-url/purl-spec)."""
        space = f"{distribution}/" if self.kind in ("deb", "apk") and distribution else ""
        marks = [("arch", self.architecture), ("distro", f"{distribution}-{release}" if release else "")]
        query = "&".join(f"{key}={quote(value)}" for key, value in marks if value and self.kind != "pypi")
        where = f"pkg:{self.kind}/{space}{quote(self.name)}@{quote(self.version)}"
        return f"{where}?{query}" if query else where


def distribution_of(tree: Tree) -> tuple[str, str]:
    """``ID`` and ``VERSION_ID`` of os-release(5), "" where it does not say. Blocks."""
    fields: dict[str, str] = {}
    for path in ("etc/os-release", "usr/lib/os-release"):
        for line in _text(tree, path).splitlines():
            key, _, value = line.partition("=")
            fields.setdefault(key, value.strip("\"'"))
    return fields.get("ID", ""), fields.get("VERSION_ID", "")


def installed_packages(tree: Tree) -> list[Package]:
    """All of them, sorted, each once. Blocks."""
    return sorted({*_dpkg(tree), *_apk(tree), *_python(tree)})


def _dpkg(tree: Tree) -> Iterator[Package]:
    """dpkg's status, and the files that images without dpkg have instead."""
    paths = ["var/lib/dpkg/status"]
    folder = follow(tree, "var/lib/dpkg/status.d")
    if folder is not None and folder.is_folder:
        paths += [it.path for it in tree.children(folder.path) if not it.name.endswith(".md5sums")]
    for path in paths:
        for fields in _paragraphs(_text(tree, path)):
            if fields.get("Status", "install ok installed").endswith(" installed") and "Package" in fields:
                yield Package(
                    "deb", fields["Package"], fields.get("Version", ""), fields.get("Architecture", ""), path
                )


def _apk(tree: Tree) -> Iterator[Package]:
    for path in ("lib/apk/db/installed", "usr/lib/apk/db/installed"):
        for fields in _paragraphs(_text(tree, path)):
            if "P" in fields:
                yield Package("apk", fields["P"], fields.get("V", ""), fields.get("A", ""), path)


def _python(tree: Tree) -> Iterator[Package]:
    top = tree.node("")
    for node in walk(tree, top) if top is not None else ():
        if node.is_file and node.size <= _MAX_METADATA_BYTES and _METADATA.search(node.path):
            fields = next(iter(_paragraphs(_read(tree, node).partition("\n\n")[0])), {})
            if fields.get("Name"):
                name = _NAME.sub("-", fields["Name"]).lower()
                yield Package("pypi", name, fields.get("Version", ""), "", node.path)


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """``Key: value`` lines (apk writes ``K:value``); an empty line ends a paragraph."""
    for lines in _split(text.splitlines()):
        fields: dict[str, str] = {}
        for line in lines:
            key, colon, value = line.partition(":")
            if colon and not line[:1].isspace():
                fields.setdefault(key, value.strip())
        if fields:
            yield fields


def _split(lines: Iterable[str]) -> Iterator[list[str]]:
    gathered: list[str] = []
    for line in lines:
        if line.strip():
            gathered.append(line)
        elif gathered:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def _text(tree: Tree, path: str) -> str:
    node = follow(tree, path)
    return _read(tree, node) if node is not None and node.is_file else ""


def _read(tree: Tree, node: Node) -> str:
    if node.size > _MAX_FILE_BYTES:
        return ""
    content = tree.open(node)
    try:
        data = bytearray()
        while piece := content.read(1 << 20):
            data += piece
    finally:
        content.close()
    return data.decode("utf-8", "replace")
