"""A build by the graph: the request, and what comes back while it goes on.

POST /scow/build?preamble=N      N bytes of JSON, then the context as a tar if it is not read in place
answer                           JSON values: {"vertex": …}, {"output": …}, {"transfer": …},
                                 {"warning": …}, {"file": base64}, then {"result": …} or {"error": …}
"""

import os
from binascii import a2b_base64, b2a_base64

from scow.api.client.errors import DaemonError
from scow.api.client.json_text import dumps
from scow.cli.builders import Builders
from scow.cli.building.attestations import attestation_options
from scow.cli.building.caches import OCI_LAYOUT, LayoutSink, exports, imports, layout_address
from scow.cli.building.classic import build_arguments
from scow.cli.building.context import BuildContext, packed
from scow.cli.building.local_state import LocalState, LocalStates, new_ref, state_of
from scow.cli.building.outputs import Output, Sink, outputs_of
from scow.cli.building.readable import check_context, check_readable
from scow.cli.building.refusals import check_asked
from scow.cli.building.resources import resource_options
from scow.cli.exits import CommandError
from scow.cli.options.csv_fields import split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

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
    *,
    target: str = "default",
) -> "Request":
    """Build; the result's metadata. Without a ``display`` the options say which. ``target`` is bake's.

    Raises CommandError; DaemonError with 404 where there is no such door.
    """
    call, _ = asked_by(flags)
    if call not in _CALLS:
        raise CommandError(f"ERROR: --call={call} is not supported, only {', '.join(_CALLS)}")
    check_policy(flags["policy"])
    outputs = outputs_of(flags)
    entitlements = [it for text in flags["allow"] for it in text.split(",")]
    if flags["network"] == "host":
        entitlements.append("network.host")  # as buildx: who says the one means the other
    check_asked(flags["tag"], outputs, entitlements)
    check_context(context)
    request = {**_request(invocation, flags, context, outputs), "entitlements": entitlements}
    for path in request["contexts"].values():
        check_readable(path)
    display = display or display_of(invocation, flags)
    name = _remembered(invocation, flags, request["ref"], state_of(context, target))
    try:
        response = _sent(invocation, request, context)
    except BaseException:
        display.close()
        raise
    with response:
        return {**_followed(response.values(), display, outputs), "buildx.build.ref": name}


def _remembered(invocation: "Invocation", flags: "Flags", ref: str, state: "LocalState") -> str:
    """Have it known where the build came from; the full name of its record."""
    builders = Builders(invocation)
    place = builders.chosen(flags["builder"]).place
    LocalStates(builders.folder).save(place, ref, state)
    return "/".join((*place, ref))


def check_policy(texts: list[str]) -> None:
    """Raises CommandError for one that would have to be asked: there is no evaluator of Rego here."""
    if any("disabled=true" not in text.split(",") for text in texts):
        raise CommandError("ERROR: build policies are not supported")


def _sent(invocation: "Invocation", request: "Request", context: BuildContext) -> "Any":
    """In place if the engine sees the folder, else with everything that is in it."""
    in_place = bool(context.folder) and invocation.client.endpoint.scheme == "unix"
    if in_place or context.address:
        info = os.stat(context.folder) if context.folder else None
        found = {"folder": context.folder, "identity": [info.st_dev, info.st_ino]} if info else {}
        try:
            return _posted(invocation, {**request, **found}, iter(()))
        except DaemonError as exc:
            if exc.status != _NOT_SEEN:
                raise
    return _posted(invocation, request, packed(context))


def _posted(invocation: "Invocation", request: "Request", blocks: "Iterator[bytes]") -> "Any":
    preamble = dumps(request).encode("utf-8", "surrogatepass")

    def body() -> "Iterator[bytes]":
        yield preamble
        yield from (block for block in blocks if block)

    query = [("preamble", str(len(preamble)))]
    headers = {"Content-Type": "application/x-tar"}
    return invocation.client.upload_blocks("POST", "/scow/build", query, body(), headers)


def display_of(invocation: "Invocation", flags: "Flags") -> "Display":
    """As ``--progress``, ``--quiet`` and the environment say. Raises CommandError."""
    mode = invocation.environ.get("BUILDKIT_PROGRESS", "") if "progress" not in flags.changed else ""
    return display_for(invocation, "quiet" if flags.get("quiet") else mode or flags["progress"])


def display_for(invocation: "Invocation", mode: str) -> "Display":
    """``auto`` is a picture on a terminal and lines elsewhere; ``none`` is ``quiet``. Raises CommandError."""
    from scow.cli.building.plain import PlainProgress, QuietProgress

    if mode not in ("auto", "none", "plain", "tty", "quiet", "rawjson"):
        raise CommandError(f"invalid progress mode {mode}")
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
    """What the failed step said last, where it stands, and why."""
    parts = []
    step = display.steps.failed()
    if step is not None and step.tail:
        parts += ["------", f" > {step.name}:", *step.tail[-_SHOWN_LINES:], "------"]
    if failure.get("excerpt"):
        parts.append(str(failure["excerpt"]))
    parts.append(f"ERROR: failed to solve: {failure['message']}")
    return BuildFailedError("\n".join(parts), str(failure.get("left_image") or ""))


_SHOWN_LINES = 12


def _request(
    invocation: "Invocation", flags: "Flags", context: BuildContext, outputs: list[Output]
) -> "Request":
    from scow.cli.credentials import Credentials

    text = context.text
    return {
        "ref": new_ref(),
        "options": _options(flags, context) | _epoch(invocation, flags) | _question(flags),
        "exports": [output.exchange() for output in outputs],
        "dockerfile": None if text is None else _base64(text),
        "contexts": _named_folders(flags),
        "secrets": dict(_secret(invocation, text) for text in flags["secret"]),
        "agents": dict(_agent(invocation, text) for text in flags["ssh"]),
        "auths": Credentials(invocation).all(),
        "cache_from": imports(invocation, flags["cache-from"]),
        "cache_to": exports(flags["cache-to"], invocation.environ),
        "check": asked_by(flags)[0] == "check",
        "debug": flags["debug"],
    }


def asked_by(flags: "Flags") -> tuple[str, str]:
    """What ``--call`` asks for, and in which format: ``outline,format=json``. Raises CommandError."""
    call, _, rest = flags["call"].partition(",")
    written = dict(field.partition("=")[::2] for field in rest.split(",")) if rest else {}
    written_as = written.pop("format", "")
    if written or written_as not in ("", "text", "json"):
        raise CommandError(f"ERROR: invalid print function: {flags['call']}")
    return "check" if flags["check"] else call, written_as


def _question(flags: "Flags") -> dict[str, str]:
    call, _ = asked_by(flags)
    return {"requestid": f"frontend.{call}"} if call in ("outline", "targets") else {}


def _options(flags: "Flags", context: BuildContext) -> dict[str, str]:
    """Those of BuildKit's Dockerfile front end, by its names."""
    options = {
        "filename": context.dockerfile,
        "target": flags["target"],
        "platform": ",".join(flags["platform"]),
        "context": context.address,
        "force-network-mode": flags["network"] if flags["network"] != "default" else "",
        "add-hosts": ",".join(_host(text) for text in flags["add-host"]),
        "cgroup-parent": flags["cgroup-parent"],
        "shm-size": str(flags["shm-size"] or ""),
        "ulimit": ",".join(f"{it['Name']}={it['Soft']}:{it['Hard']}" for it in flags["ulimit"]),
        "image-resolve-mode": "pull" if flags["pull"] else "",
    }
    options = {key: value for key, value in options.items() if value}
    if flags["no-cache"]:
        options["no-cache"] = ""
    elif flags["no-cache-filter"]:
        options["no-cache"] = ",".join(flags["no-cache-filter"])
    options |= attestation_options(flags) | resource_options(flags)
    for name, value in build_arguments(flags["build-arg"]).items():
        if value is not None:
            options[f"build-arg:{name}"] = value
    for text in flags["label"]:
        name, _, value = text.partition("=")
        options[f"label:{name}"] = value
    for text in flags["build-context"]:
        name, _, value = text.partition("=")
        if value.startswith(OCI_LAYOUT):
            options[f"context:{name.lower()}"] = layout_address(value)
        elif "://" in value or value.startswith("git@"):
            options[f"context:{name.lower()}"] = value
    return options


def _epoch(invocation: "Invocation", flags: "Flags") -> dict[str, str]:
    """``SOURCE_DATE_EPOCH`` of the environment, unless a build argument says it."""
    value = invocation.environ.get("SOURCE_DATE_EPOCH", "")
    given = any(it.partition("=")[0] == "SOURCE_DATE_EPOCH" for it in flags["build-arg"])
    return {"build-arg:SOURCE_DATE_EPOCH": value} if value and not given else {}


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def _host(text: str) -> str:
    """``name:address`` or ``name=address``."""
    name, equals, address = text.partition("=")
    if not equals:
        name, colon, address = text.partition(":")
        if not colon:
            raise CommandError(f"invalid host {text}: expected format is 'host:ip'")
    return f"{name}={address.strip('[]')}"


def _named_folders(flags: "Flags") -> dict[str, str]:
    found = {}
    for text in flags["build-context"]:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise CommandError(f"invalid context value: {text}, expected key=value")
        if "://" not in value and not value.startswith("git@"):
            if not os.path.isdir(value):
                raise CommandError(
                    f"failed to get build context path {value}: stat {value}: no such file or directory"
                )
            found[name.lower()] = os.path.realpath(value)
    return found


def _secret(invocation: "Invocation", text: str) -> tuple[str, str]:
    """``id=…,src=…`` or ``id=…,env=…``: the name, and the value in base64."""
    fields = dict(it.partition("=")[::2] for it in split_fields(text))
    fields = {key.lower(): value for key, value in fields.items()}
    name = fields.get("id", "")
    path = fields.get("src") or fields.get("source") or ""
    variable = fields.get("env", "")
    kind = fields.get("type", "")
    if not name and path:
        name = os.path.basename(path)
    if not name:
        raise CommandError("secret: id is required")
    if variable or (not path and kind != "file" and name in invocation.environ):
        value = invocation.environ.get(variable or name)
        if value is None:
            return name, ""
        return name, _base64(value.encode("utf-8", "surrogateescape"))
    try:
        with open(path or name, "rb") as file:
            return name, _base64(file.read())
    except OSError as exc:
        raise CommandError(f"failed to stat {path or name}: {(exc.strerror or '').lower()}") from exc


def _agent(invocation: "Invocation", text: str) -> tuple[str, str]:
    """``default`` or ``id=socket``: the name, and where an agent listens."""
    name, _, path = text.partition("=")
    path = path or invocation.environ.get("SSH_AUTH_SOCK", "")
    if not path:
        raise CommandError("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set")
    return name or "default", os.path.realpath(path)
