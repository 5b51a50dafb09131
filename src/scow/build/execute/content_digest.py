"""What a selection amounts to: names, kinds, modes and contents, whenever and wherever it was written.

Times are no part of it: a fresh clone of the same files is the same content.
"""

import hashlib
import os
import stat

from scow.build.execute.selection import Selection
from scow.build.trees.tree import Node


def content_digest(selection: Selection, *, with_owners: bool) -> str:
    """Hex digits of a sha256. Blocks. Raises ``OSError``."""
    digest = hashlib.sha256()
    for chosen in selection.chosen:
        kind = b"folder" if chosen.node.is_folder else b"file"
        digest.update(b"%b %b\0%b\0" % (kind, os.fsencode(chosen.name), os.fsencode(chosen.parents)))
        _add(digest, selection, chosen.node, "", with_owners)
        if chosen.node.is_folder:
            for node, path in selection.entries(chosen):
                _add(digest, selection, node, path, with_owners)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", selection: Selection, node: Node, path: str, with_owners: bool) -> None:
    owner = b"%d:%d" % (node.uid, node.gid) if with_owners else b""
    # A symlink's mode says nothing: some file systems give 0777, others what the umask left.
    mode = stat.S_IFMT(node.mode) if node.is_symlink else node.mode
    digest.update(b"%b\0%o\0%b\0" % (os.fsencode(path), mode, owner))
    if node.is_file:
        digest.update(selection.tree.digest(node))
        for key, value in node.xattrs:
            digest.update(b"%b=%b\0" % (os.fsencode(key), value))
    elif node.is_symlink:
        digest.update(os.fsencode(node.link) + b"\0")
    elif not node.is_folder:
        digest.update(b"%d\0" % node.device)
