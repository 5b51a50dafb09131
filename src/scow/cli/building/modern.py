"""A build by the graph: the request, and what comes back while it goes on.

POST /scow/build?preamble=N      N bytes of JSON, then the context as a tar if it is not read in place
answer                           JSON values: {"vertex": …}, {"output": …}, {"transfer": …},
                                 {"warning": …}, {"file": base64}, then {"result": …} or {"error": …}
"""

import os
from binascii import a2b_base64

from scow.api.client.errors import DaemonError
from scow.api.client.json_text import dumps
from scow.cli.builders import Builders
from scow.cli.building.caches import LayoutSink
from scow.cli.building.checks import told_warnings
from scow.cli.building.context import BuildContext, packed
from scow.cli.building.local_state import LocalStates, Member, state_of
from scow.cli.building.node_shares import shares_of
from scow.cli.building.outputs import Output, Sink, outputs_of
from scow.cli.building.readable import check_context, check_readable
from scow.cli.building.refusals import check_asked, engine_rights
from scow.cli.building.request import asked_by, build_request
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

    from scow.api.client.client import Client
    from scow.cli.building.node_shares import Share
    from scow.cli.building.told import Steps
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Request = dict[str, Any]

    class Display(Protocol):
        """Who shows a build while it goes on."""

        steps: Steps

        def show(self, kind: str, event: "Request") -> None: ...

        def close(self) -> None: ...


_NOT_SEEN = 409
_CALLS = ("build", "check", "outline", "targets")
_EVENTS = ("vertex", "output", "transfer", "warning")


class BuildFailedError(CommandError):
    """``left_image`` is what the failed step has left, "" where nobody asked for that."""

    def __init__(self, message: str, left_image: str = "") -> None:
        super().__init__(message)
        self.left_image = left_image


def build_modern(
    invocation: "Invocation",
    flags: "Flags",
    context: BuildContext,
    display: "Display | None" = None,
    member: "Member | None" = None,
) -> "Request":
    """Build; the result's metadata. Without a ``display`` the options say which.

    ``member`` is what it is in a run of bake. Raises CommandError; DaemonError with 404 where there is no
    such door.
    """
    call = asked_by(flags).name
    if call not in _CALLS:
        raise CommandError(f"ERROR: --call={call} is not supported, only {', '.join(_CALLS)}")
    check_policy(flags["policy"])
    outputs = outputs_of(flags)
    check_asked(flags["tag"], outputs, engine_rights(flags))
    check_context(context)
    asked = Asked(flags, context, outputs, member or Member())
    shares = shares_of(invocation, flags)
    if len(shares) == 1:
        return build_at(invocation, asked, shares[0], display)
    from scow.cli.building.node_builds import build_on_nodes

    return build_on_nodes(invocation, asked, shares, display or display_of(invocation, flags))


class Asked:
    """One build as it was asked for; ``member`` is what it is in a run of bake."""

    __slots__ = ("context", "flags", "is_part", "member", "outputs")

    def __init__(self, flags: "Flags", context: BuildContext, outputs: list[Output], member: Member) -> None:
        self.flags = flags
        self.context = context
        self.outputs = outputs
        self.member = member
        self.is_part = False

    def on(self, share: "Share") -> "Asked":
        """The part that one of several nodes does; its record has a name of its own."""
        from scow.cli.flags import Flags

        flags = Flags()
        flags.update(self.flags)
        flags["platform"] = share.platforms
        found = Asked(flags, self.context, self.outputs, Member(self.member.target, self.member.group))
        found.is_part = True
        return found


def build_at(
    invocation: "Invocation", asked: Asked, share: "Share", display: "Display | None" = None
) -> "Request":
    """A build, or a part of one, on one node. Raises CommandError, DaemonError."""
    flags, context, ref = asked.flags, asked.context, asked.member.ref
    request = {**build_request(invocation, flags, context, asked.outputs), "ref": ref}
    if asked.is_part:
        request["options"]["multi-platform"] = "true"
    for path in request["contexts"].values():
        check_readable(path)
    display = display or display_of(invocation, flags)
    is_build = asked_by(flags).name == "build"
    if is_build:
        folder = Builders(invocation).folder
        LocalStates(folder).save(share.place, ref, state_of(context, asked.member))
    try:
        response = _sent(share.client, request, context)
    except BaseException:
        display.close()
        raise
    with response:
        result = _followed(response.values(), display, asked.outputs)
    if is_build:
        result["buildx.build.ref"] = "/".join((*share.place, ref))
        if flags["metadata-file"]:
            result |= _vouched_for(invocation, share.client, ref)
    return result


def _vouched_for(invocation: "Invocation", client: "Client", ref: str) -> "Request":
    """As much of the build's provenance as the environment asks for."""
    from scow.cli.building.metadata import DISABLED, provenance_mode, record_provenance

    mode = provenance_mode(invocation.environ)
    return {} if mode == DISABLED else record_provenance(client, ref, mode)


def check_policy(texts: list[str]) -> None:
    """Raises CommandError for one that would have to be asked: there is no evaluator of Rego here."""
    if any("disabled=true" not in text.split(",") for text in texts):
        raise CommandError("ERROR: build policies are not supported")


def _sent(client: "Client", request: "Request", context: BuildContext) -> "Any":
    """In place if the engine sees the folder, else with everything that is in it."""
    in_place = bool(context.folder) and client.endpoint.scheme == "unix"
    if in_place or context.address:
        info = os.stat(context.folder) if context.folder else None
        found = {"folder": context.folder, "identity": [info.st_dev, info.st_ino]} if info else {}
        try:
            return _posted(client, {**request, **found}, iter(()))
        except DaemonError as exc:
            if exc.status != _NOT_SEEN:
                raise
    return _posted(client, request, packed(context))


def _posted(client: "Client", request: "Request", blocks: "Iterator[bytes]") -> "Any":
    preamble = dumps(request).encode("utf-8", "surrogatepass")

    def body() -> "Iterator[bytes]":
        yield preamble
        yield from (block for block in blocks if block)

    query = [("preamble", str(len(preamble)))]
    headers = {"Content-Type": "application/x-tar"}
    return client.upload_blocks("POST", "/scow/build", query, body(), headers)


def display_of(invocation: "Invocation", flags: "Flags") -> "Display":
    """As ``--progress``, ``--quiet`` and the environment say. Raises CommandError."""
    mode = invocation.environ.get("BUILDKIT_PROGRESS", "") if "progress" not in flags.changed else ""
    return display_for(invocation, "quiet" if flags.get("quiet") else mode or flags["progress"])


def display_for(invocation: "Invocation", mode: str) -> "Display":
    """``auto`` is a picture on a terminal and lines elsewhere; ``none`` is ``quiet``. Raises CommandError."""
    from scow.cli.building.plain import PlainProgress, QuietProgress

    if mode not in ("auto", "none", "plain", "tty", "quiet", "rawjson"):
        raise CommandError(f"ERROR: invalid progress mode {mode}")
    if mode in ("quiet", "none"):
        return QuietProgress(invocation.err)
    if mode == "rawjson":
        from scow.cli.building.raw import RawProgress

        return RawProgress(invocation.err)
    if mode == "tty" or (mode == "auto" and invocation.err.is_terminal()):
        from scow.cli.building.live import LiveProgress

        return LiveProgress(invocation.err, color=not invocation.environ.get("NO_COLOR"))
    return PlainProgress(invocation.err)


def _followed(values: "Iterator[Any]", display: "Display", outputs: list[Output]) -> "Request":
    folders: dict[str, LayoutSink] = {}
    result: Request | None = None
    failure: Request | None = None
    with Sink(next((it for it in outputs if it.dest), outputs[0])) as sink:
        try:
            for value in values:
                kind, body = _event(value)
                if kind in _EVENTS:
                    display.show(kind, body)
                elif kind == "file" and "folder" in value:
                    folder = value["folder"]
                    folders.setdefault(folder, LayoutSink(folder)).take(a2b_base64(body))
                elif kind == "file":
                    sink.take(body)
                elif kind == "result":
                    result = body
                    break  # the engine may have more to do, and nothing more to tell
                else:
                    failure = body
        finally:
            display.close()
        if failure is not None or result is None:
            raise _failed(failure or {"message": "the engine ended the build without a word"}, display)
        sink.close()
    for layout in folders.values():
        layout.close()
    return {**result, "warnings": display.steps.warnings, "explained": _explained(display)}


def _explained(display: "Display") -> list[str]:
    """Of each step that could be in the cache, whether it was and why."""
    return [
        f" {'CACHED' if step.cached else 'DONE  '} {step.name}: {step.reason}"
        for step in display.steps
        if step.reason
    ]


def _event(value: "Request") -> "tuple[str, Any]":
    """What is told, and of what kind; a stream that breaks off ends with Docker's error object."""
    if "errorDetail" in value:
        return "error", {"message": str(value.get("error") or "")}
    return next(iter(value.items()))


def _failed(failure: "Request", display: "Display") -> CommandError:
    """What was warned of, what the failed step said last, where it stands, and why."""
    parts = told_warnings(display.steps.warnings)
    step = display.steps.failed()
    if step is not None and step.tail:
        parts += ["------", f" > {step.name}:", *step.tail[-_SHOWN_LINES:], "------"]
    if failure.get("excerpt"):
        parts.append(str(failure["excerpt"]))
    parts.append(f"ERROR: failed to solve: {failure['message']}")
    return BuildFailedError("\n".join(parts), str(failure.get("left_image") or ""))


_SHOWN_LINES = 12
