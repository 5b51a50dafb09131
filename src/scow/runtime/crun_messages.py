"""crun's words for why a process did not start, put into runc's, which Docker's clients know and match. Pure.

crun ends a message with the C library's text of an errno: "chdir `/x`: No such file or directory". Go's texts
are the same but for the capital. Patterns are from crun 1.8 (container.c, linux.c) and 1.2x (utils.c).
"""

import errno
import os
import re

_ERRNO_TEXTS = frozenset(os.strerror(number) for number in errno.errorcode)
_RUNC_BEGINS = ("runc ", "exec failed")

_MISSING = re.compile(r"executable file `(?P<file>.*)` not found(?: in \$PATH)?: no such file or directory")
_REFUSED = re.compile(
    r"(?:open executable|the path `.*` (?:is not a regular file|exists but it is not executable))"
    r": (?:operation not permitted|permission denied)"
)
_CHDIR = re.compile(r"chdir `(?P<path>.*)`: (?P<reason>.*)")
_MOUNT = re.compile(r"mount `(?P<source>.*)` to `(?P<target>.*)`: (?P<reason>.*)")
_WRITE = re.compile(r"write to (?P<path>`?/.*)")


def in_runc_words(message: str, command: str) -> str:
    """``message`` without the words that runc begins all of them with; unchanged if it is none of crun's.

    ``command`` is the program that was to run, as the user named it: crun does not always say.
    """
    text, _, reason = message.rpartition(": ")
    if message.startswith(_RUNC_BEGINS) or reason not in _ERRNO_TEXTS:
        return message
    reworded = _reword(f"{text}: {reason[:1].lower()}{reason[1:]}", command)
    return f"unable to start container process: {reworded}"


def _reword(message: str, command: str) -> str:
    if found := _MISSING.fullmatch(message):
        file = found["file"]
        if "/" in file:
            return f'exec: "{file}": stat {file}: no such file or directory'
        return f'exec: "{file}": executable file not found in $PATH'
    if _REFUSED.fullmatch(message):
        # To crun the empty name is the root directory.
        return f'exec: "{command}": ' + (
            "permission denied" if command else "executable file not found in $PATH"
        )
    if found := _CHDIR.fullmatch(message):
        return f'chdir to cwd ("{found["path"]}") set in config.json failed: {found["reason"]}'
    if found := _MOUNT.fullmatch(message):
        source, target = found["source"], "/" + found["target"].lstrip("/")
        message = (
            f'error mounting "{source}" to rootfs at "{target}": mount {source}:{target}: {found["reason"]}'
        )
    elif found := _WRITE.fullmatch(message):
        message = f"write {found['path']}"
    return f"error during container init: {message}"
