"""Everything about one record: a document for templates and JSON, with Go's names."""

import base64
import json
import time

from scow.api.client.buildkit import follow_build, read_blob, read_failure
from scow.cli.exits import CommandError
from scow.cli.history.attachments import PROVENANCE, Attachment, attachments_of
from scow.cli.history.filters import status_of
from scow.cli.options.csv_fields import split_fields
from scow.errors import ScowError
from scow.spec.build_progress import OutputTold, VertexTold
from scow.spec.file_excerpt import file_excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.api.client.client import Client
    from scow.cli.history.records import FoundRecord
    from scow.spec.build_history import BuildRecord
    from scow.spec.build_progress import BuildProgress

    Document = dict[str, Any]

_SHOWN_LINES = 16
_STATUS = {"error": "failed"}
_SOURCE, _VERTEX = "errdefs.Source+json", "errdefs.Vertex+json"
_PREFIXES = ("vcs:", "build-arg:", "label:", "context:", "attest:")
_TEXTS = {
    "Network": "force-network-mode",
    "Hostname": "hostname",
    "CgroupParent": "cgroup-parent",
    "ImageResolveMode": "image-resolve-mode",
    "ShmSize": "shm-size",
    "Ulimit": "ulimit",
    "Memory": "memory",
    "MemorySwap": "memswap",
    "CPUShares": "cpushares",
    "CPUPeriod": "cpuperiod",
    "CPUQuota": "cpuquota",
    "CPUSetCPUs": "cpusetcpus",
    "CPUSetMems": "cpusetmems",
    "CacheMountNS": "build-arg:BUILDKIT_CACHE_MOUNT_NS",
    "DockerfileCheckConfig": "build-arg:BUILDKIT_DOCKERFILE_CHECK",
    "SourceDateEpoch": "build-arg:SOURCE_DATE_EPOCH",
    "SandboxHostname": "build-arg:SANDBOX_HOSTNAME",
}
_TRUE = ("1", "t", "T", "true", "TRUE", "True")


def inspected(client: "Client", found: "FoundRecord") -> "Document":
    """What ``history inspect`` says. Members that are empty are not there. Raises CommandError."""
    record = found.record
    left = {key: it for key, it in record.attributes.items() if key != "frontend.caps"}
    document: Document = {"Name": found.name, "Ref": record.ref, **_sources(found, left)}
    document |= _course(found)
    if record.error is not None or record.details is not None:
        document["Error"] = _failure(client, record)
    document |= {
        "NumCompletedSteps": record.completed_steps,
        "NumTotalSteps": record.total_steps,
        "NumCachedSteps": record.cached_steps,
    }
    document |= {"BuildArgs": _pairs(left, "build-arg:"), "Labels": _pairs(left, "label:")}
    config = _config(left)
    config["RestRaw"] = [
        {"Name": key, "Value": it} for key, it in sorted(left.items()) if not key.startswith(_PREFIXES)
    ]
    document["Config"] = _filled(config)
    attachments = _attachments(client, record)
    document["Materials"] = _materials(client, attachments)
    document["Attachments"] = [
        _filled({"Digest": it.digest, "Platform": it.platform, "Type": it.kind}) for it in attachments
    ]
    always = ("Ref", "NumCompletedSteps", "NumTotalSteps", "NumCachedSteps", "Config")
    return {key: it for key, it in document.items() if it or key in always}


def _sources(found: "FoundRecord", left: dict[str, str]) -> "Document":
    """Context and Dockerfile, as they were given or as this machine remembers them."""
    import os

    context, dockerfile = "", ""
    if found.state is not None:
        context, dockerfile = found.state.context, found.state.dockerfile
        dockerfile = _below(context, dockerfile) if dockerfile != "-" else dockerfile
        context = _below(os.getcwd(), context) if context.startswith("/") else context
    # Of an address this machine may remember more than is to be shown: the engine has no password of it.
    remote = "context" in left
    context = left.pop("context", "") or context
    name = left.pop("filename", "")
    folder = left.get("vcs:localdir:dockerfile")
    dockerfile = dockerfile or (os.path.join(folder, name) if folder and name else name)
    return {
        "Context": context,
        "Dockerfile": dockerfile,
        "VCSRepository": "" if remote else left.get("vcs:source", ""),
        "VCSRevision": "" if remote else left.get("vcs:revision", ""),
        "Target": left.pop("target", ""),
        "Platform": [it for it in left.pop("platform", "").split(",") if it],
        "KeepGitDir": left.pop("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", "") in _TRUE,
        "NamedContexts": _pairs(left, "context:"),
    }


def _below(folder: str, path: str) -> str:
    """Relative to ``folder`` if it is in there."""
    import os

    if not path:
        return ""

    relative = os.path.relpath(path, folder or "/")
    return path if relative.startswith("..") else relative


def _course(found: "FoundRecord") -> "Document":
    record, status = found.record, status_of(found.record)
    return {
        "StartedAt": _local_time(record.created_ns),
        "CompletedAt": _local_time(record.completed_ns),
        "Duration": found.duration_ns or 0,
        "Status": _STATUS.get(status, status),
    }


def _local_time(at_ns: int | None) -> str:
    """RFC 3339 with what there is of the second, in this machine's zone."""
    if at_ns is None:
        return ""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    local = time.localtime(seconds)
    zone = time.strftime("%z", local)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    shown = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + fraction + shown


def _config(left: dict[str, str]) -> "Document":
    """What the build was given, out of ``left``."""
    no_cache = left.pop("no-cache", None)
    several = left.pop("multi-platform", "") or left.pop("build-arg:BUILDKIT_MULTI_PLATFORM", "")
    config: Document = {name: left.pop(key, "") for name, key in _TEXTS.items()}
    hosts = left.pop("add-hosts", "")
    return config | {
        "ExtraHosts": split_fields(hosts) if hosts else [],
        "MultiPlatform": several in _TRUE,
        "NoCache": no_cache == "",
        "NoCacheFilter": no_cache.split(",") if no_cache else [],
    }


def _pairs(attributes: dict[str, str], prefix: str) -> "list[Document]":
    return [
        {"Name": key.removeprefix(prefix), "Value": value}
        for key, value in sorted(attributes.items())
        if key.startswith(prefix)
    ]


def _filled(document: "Document") -> "Document":
    return {key: it for key, it in document.items() if it}


def _attachments(client: "Client", record: "BuildRecord") -> list[Attachment]:
    try:
        return attachments_of(client, record)
    except ScowError as exc:
        raise CommandError(f"ERROR: {exc.message}") from exc


def _materials(client: "Client", attachments: list[Attachment]) -> "list[Document]":
    """What the build took from elsewhere, as its provenance has it."""
    provenance = next((it for it in attachments if it.kind.startswith(PROVENANCE)), None)
    if provenance is None:
        return []
    try:
        said = json.loads(read_blob(client, provenance.digest))
        definition = said.get("buildDefinition") or {}
        found = definition.get("resolvedDependencies") or said.get("materials") or []
        return [
            {"URI": it["uri"], "Digests": [f"{key}:{value}" for key, value in it["digest"].items()]}
            for it in found
        ]
    except (ScowError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CommandError(f"ERROR: failed to read provenance {provenance.digest}: {exc}") from exc


def _failure(client: "Client", record: "BuildRecord") -> "Document":
    """Why it failed, where, and what the step that failed said last."""
    found: Document = {}
    if record.error is not None:
        found = {"Code": record.error.code, "Message": record.error.message}
    if record.details is None:
        return found
    try:
        details = read_failure(client, record.details.digest)
        found["Sources"] = "".join(_excerpt(it) + "\n" for kind, it in details if kind.endswith(_SOURCE))
        steps = [str(json.loads(it).get("digest") or "") for kind, it in details if kind.endswith(_VERTEX)]
        if steps:
            found |= _step_logs(client, record.ref, steps[0])
    except (ScowError, ValueError, KeyError, TypeError) as exc:
        digest = record.details.digest
        raise CommandError(f"ERROR: failed to read external error {digest}: {exc}") from exc
    return _filled(found)


def _excerpt(detail: bytes) -> str:
    said = json.loads(detail)
    info = said.get("info") or {}
    lines = base64.b64decode(info.get("data") or "").decode("utf-8", "replace").split("\n")
    ranges = said.get("ranges") or [{}]
    first = int((ranges[0].get("start") or {}).get("line") or 0)
    last = int((ranges[-1].get("end") or {}).get("line") or first)
    return file_excerpt(str(info.get("filename") or ""), lines, first, last)


def _step_logs(client: "Client", ref: str, digest: str) -> "Document":
    """Name and last lines of one step."""
    names: list[str] = []
    output = bytearray()

    def take(told: "BuildProgress") -> None:
        if isinstance(told, VertexTold) and told.digest == digest:
            names.append(told.name)
        elif isinstance(told, OutputTold) and told.digest == digest:
            output.extend(told.data)

    follow_build(client, ref, take)
    lines = [line for line in output.decode("utf-8", "replace").split("\n") if line]
    return {"Name": names[-1] if names else "", "Logs": lines[-_SHOWN_LINES:]}
