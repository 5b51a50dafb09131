"""The entry point: what the program is called, and the exit status of whatever happens."""

import os
import sys

from scow.cli.dispatch import dispatch
from scow.cli.exits import CommandError
from scow.cli.output import Output
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_NAMES = ("docker", "docker-compose", "podman")
"""Names of other programs under which this one does their work; under any other it is ``scow``."""
_SIGINT_STATUS = 130


def console() -> "NoReturn":
    """What ``scow`` runs. Leaves without the interpreter's clean-up, which costs more than most commands."""
    _open_missing_streams()
    name = os.path.basename(sys.argv[0])
    program = name if name in _NAMES else "scow"
    os._exit(main(program, [_clean(word) for word in sys.argv[1:]]))


def main(program: str, argv: list[str]) -> int:
    """Run one command line and return the exit status; messages go to the real standard streams."""
    try:
        dispatch(program, argv)
    except ScowError as exc:
        return _report(exc)
    except KeyboardInterrupt:
        return _SIGINT_STATUS
    except BrokenPipeError:
        return _die_of_broken_pipe()
    except OSError as exc:
        Output(2).line(describe_os_error(exc))
        return 1
    return 0


def describe_os_error(exc: OSError) -> str:
    """``/etc/x: permission denied``, as Go words errors."""
    reason = (exc.strerror or str(exc)).lower()
    return f"{exc.filename}: {reason}" if exc.filename else reason


def _open_missing_streams() -> None:
    """A caller may have closed a standard stream; the number must not go to a socket of ours."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _clean(word: str) -> str:
    """Bytes that are not UTF-8 become U+FFFD, as they do in Go's JSON."""
    return word if word.isascii() else word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _report(exc: ScowError) -> int:
    text = f"{exc.message}\n\nhint: {exc.hint}" if exc.hint else exc.message
    if text:
        try:
            Output(2).line(text)
        except OSError:
            pass
    return exc.status if isinstance(exc, CommandError) else 1


def _die_of_broken_pipe() -> int:
    """End by SIGPIPE, as programs do whose reader is gone."""
    import signal

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
    return 1
