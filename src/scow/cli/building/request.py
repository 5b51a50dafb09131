"""What the engine is asked for: the options of the command line as those of BuildKit's front end."""

import os
from binascii import b2a_base64

from scow.cli.building.attestations import attestation_options
from scow.cli.building.caches import OCI_LAYOUT, exports, imports, layout_address
from scow.cli.building.calls import BUILD, Call, parse_call
from scow.cli.building.classic import build_arguments
from scow.cli.building.context import is_in_repository
from scow.cli.building.refusals import engine_rights
from scow.cli.building.resources import resource_options
from scow.cli.exits import CommandError
from scow.cli.options.secret_sources import parse_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.building.context import BuildContext
    from scow.cli.building.outputs import Output
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Request = dict[str, Any]


def build_request(
    invocation: "Invocation", flags: "Flags", context: "BuildContext", outputs: "list[Output]"
) -> "Request":
    from scow.cli.credentials import Credentials

    text = context.text
    folders = _named_folders(flags)
    options = _options(flags, context) | _epoch(invocation, flags) | _question(flags)
    return {
        "options": options | _of_repository(invocation, context, folders),
        "exports": [output.exchange() for output in outputs],
        "dockerfile": None if text is None else _base64(text),
        "contexts": folders,
        "secrets": dict(_secret(invocation, text) for text in flags["secret"]),
        "agents": dict(_agent(invocation, text) for text in flags["ssh"]),
        "auths": Credentials(invocation).all(),
        "cache_from": imports(invocation, flags["cache-from"]),
        "cache_to": exports(flags["cache-to"], invocation.environ),
        "debug": flags["debug"],
        "entitlements": engine_rights(flags),
    }


def _of_repository(
    invocation: "Invocation", context: "BuildContext", folders: dict[str, str]
) -> dict[str, str]:
    """What git says of the context; what it cannot say is told and left out."""
    if not context.folder or not is_in_repository(invocation.environ, context.folder):
        return {}
    from scow.cli.building.git_facts import GitError, git_options

    own = {"context": context.folder, "dockerfile": os.path.dirname(context.path)}
    try:
        return git_options(
            invocation.environ, {**folders, **{name: it for name, it in own.items() if it}}, context.path
        )
    except GitError as exc:
        invocation.err.line(f"WARNING: current commit information was not captured by the build: {exc}")
        return {}


def asked_by(flags: "Flags") -> Call:
    """What is wanted of the Dockerfile. Raises CommandError."""
    call = parse_call(flags["call"])
    return Call("check", call.written_as, call.ignores_status) if flags["check"] else call


def _question(flags: "Flags") -> dict[str, str]:
    """By BuildKit's name for it, where it is no build."""
    call = asked_by(flags).name
    return {} if call == BUILD else {"requestid": f"frontend.{'lint' if call == 'check' else call}"}


def _options(flags: "Flags", context: "BuildContext") -> dict[str, str]:
    """Those of BuildKit's Dockerfile front end, by its names."""
    options = {
        "filename": context.dockerfile,
        "target": flags["target"],
        "platform": ",".join(flags["platform"]),
        "context": context.address,
        "dockerfilekey": "dockerfile" if context.address and context.text is not None else "",
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
    """The name, and the value in base64; a variable that is not there is empty. Raises CommandError."""
    source = parse_secret(text, invocation.environ)
    if source.variable:
        value = invocation.environ.get(source.variable, "")
        return source.name, _base64(value.encode("utf-8", "surrogateescape"))
    try:
        with open(source.path, "rb") as file:
            return source.name, _base64(file.read())
    except OSError as exc:
        reason = (exc.strerror or "").lower()
        raise CommandError(f"ERROR: failed to stat {source.path}: {reason}") from exc


def _agent(invocation: "Invocation", text: str) -> tuple[str, str]:
    """``default`` or ``id=socket``: the name, and where an agent listens."""
    name, _, path = text.partition("=")
    path = path or invocation.environ.get("SSH_AUTH_SOCK", "")
    if not path:
        raise CommandError("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set")
    return name or "default", os.path.realpath(path)
