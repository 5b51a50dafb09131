"""``scow buildx dial-stdio``: standard input and output as a connection to a builder's BuildKit."""

import os
import threading
import time

from scow.cli.builders import use_builder
from scow.cli.command import Command, no_arguments
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.flags import STRING, Flag
from scow.spec.platform import parse_platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from scow.cli.building.modern import Display
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_PIECE_BYTES = 1 << 16
_STEPS = ("Proxying to builder", "Dialing builder")


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Carries bytes both ways until either side ends. Every builder has one node, for all platforms."""
    from scow.cli.building.modern import display_for

    platform = flags["platform"] or invocation.environ.get("DOCKER_DEFAULT_PLATFORM", "")
    if platform:
        parse_platform(platform)
    display = display_for(invocation, flags["progress"])
    try:
        proxying, dialing = (_begun(display, name) for name in _STEPS)
        use_builder(invocation, flags["builder"])
        hijacked = invocation.client.hijack("/grpc", protocol="h2c")
        _ended(display, dialing)
        _write_all(1, hijacked.early)
        sender = threading.Thread(target=_send, args=(hijacked.sock,), daemon=True, name="input")
        sender.start()
        while data := hijacked.sock.recv(_PIECE_BYTES):
            _write_all(1, data)
        _ended(display, proxying)
    except BrokenPipeError:
        return  # nobody reads what the builder says
    finally:
        display.close()


def _send(sock: "_socket.socket") -> None:
    """Until the input ends, which the builder then hears of, or the builder is gone."""
    try:
        while data := os.read(0, _PIECE_BYTES):
            sock.sendall(data)
        sock.shutdown(1)
    except OSError:
        return


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _begun(display: "Display", name: str) -> "dict[str, object]":
    step: dict[str, object] = {"digest": name, "name": name, "started_ns": time.time_ns()}
    display.show("vertex", step)
    return step


def _ended(display: "Display", step: "dict[str, object]") -> None:
    display.show("vertex", {**step, "completed_ns": time.time_ns()})


COMMAND = Command(
    run,
    "",
    "Proxy current stdio streams to builder instance",
    flags=(
        BUILDER,
        Flag("platform", STRING, "Target platform: this is used for node selection"),
        Flag(
            "progress",
            STRING,
            'Set type of progress output ("auto", "plain", "rawjson", "tty"). '
            "Use plain to show container output",
            default="none",
        ),
    ),
    arguments=no_arguments,
)
