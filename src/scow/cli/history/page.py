"""One record as people read it."""

import time

from scow.cli.units import bytes_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Document = dict[str, Any]

_TAB = 8
_HEAD = (
    ("Name", "Name"),
    ("Ref", "Ref"),
    ("Context", "Context"),
    ("Dockerfile", "Dockerfile"),
    ("VCS Repository", "VCSRepository"),
    ("VCS Revision", "VCSRevision"),
    ("Target", "Target"),
    ("Platforms", "Platform"),
    ("Keep Git Dir", "KeepGitDir"),
)
_CONFIG = (
    ("Network", "Network"),
    ("Hostname", "Hostname"),
    ("Extra Hosts", "ExtraHosts"),
    ("Cgroup Parent", "CgroupParent"),
    ("Image Resolve Mode", "ImageResolveMode"),
    ("Multi-Platform", "MultiPlatform"),
    ("No Cache", "NoCache"),
    ("No Cache Filter", "NoCacheFilter"),
    ("Shm Size", "ShmSize"),
    ("Resource Limits", "Ulimit"),
    ("Memory", "Memory"),
    ("Memory Swap", "MemorySwap"),
    ("CPU Shares", "CPUShares"),
    ("CPU Period", "CPUPeriod"),
    ("CPU Quota", "CPUQuota"),
    ("CPUSet CPUs", "CPUSetCPUs"),
    ("CPUSet Mems", "CPUSetMems"),
    ("Cache Mount Namespace", "CacheMountNS"),
    ("Dockerfile Check Config", "DockerfileCheckConfig"),
    ("Source Date Epoch", "SourceDateEpoch"),
    ("Sandbox Hostname", "SandboxHostname"),
)
_SIZES = ("Memory", "MemorySwap")
_CODES = (
    *("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists"),
    *("PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange"),
    *("Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"),
)


def record_page(document: "Document", program: str, *, with_ref: bool) -> str:
    """``document`` is what ``inspection.inspected`` gives; a ref that was asked for is not repeated."""
    head = [(name, key) for name, key in _HEAD if key != "Ref" or with_ref]
    parts = [
        _fields([(name, _text(document.get(key))) for name, key in head]),
        "\n",
        _table(document.get("NamedContexts", ()), "NAMED CONTEXT"),
        _fields(_course(document)),
        "\n",
        _fields(_config(document["Config"])),
        "\n",
        _table(document.get("BuildArgs", ()), "BUILD ARG"),
        _table(document.get("Labels", ()), "LABEL"),
        _materials(document.get("Materials", ())),
        _attachments(document.get("Attachments", ())),
        _failure(document.get("Error") or {}),
        f"Print build logs: {program} buildx history logs {document['Ref']}\n",
    ]
    return "".join(parts)


def duration_text(duration_ns: int) -> str:
    """``2.4s``, ``3m  5s``."""
    seconds = duration_ns / 1_000_000_000
    return f"{seconds:.1f}s" if seconds < 60 else f"{int(seconds // 60)}m {int(seconds) % 60:2}s"


def tabbed(rows: "Iterable[Sequence[str]]") -> str:
    """Columns filled up with tabs, as Go's tabwriter does it with that as its padding."""
    rows = [list(row) for row in rows]
    widths = [
        (max(len(row[column]) for row in rows) + 1 + _TAB - 1) // _TAB * _TAB
        for column in range(max((len(row) for row in rows), default=1) - 1)
    ]
    lines = []
    for row in rows:
        cells = [
            cell + "\t" * ((width - len(cell) + _TAB - 1) // _TAB)
            for cell, width in zip(row[:-1], widths, strict=True)
        ]
        lines.append("".join([*cells, row[-1], "\n"]))
    return "".join(lines)


def _fields(fields: "Iterable[tuple[str, str]]") -> str:
    return tabbed([(f"{name}:", text) for name, text in fields if text])


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "true" if value is True else str(value or "")


def _course(document: "Document") -> "list[tuple[str, str]]":
    status, error = document["Status"], document.get("Error") or {}
    started = time.strptime(document["StartedAt"][:19], "%Y-%m-%dT%H:%M:%S")
    running = " (running)" if status == "running" else ""
    fields = [
        ("Started", time.strftime("%Y-%m-%d %H:%M:%S", started)),
        ("Duration", duration_text(document.get("Duration", 0)) + running),
    ]
    if status == "failed":
        code = int(error.get("Code", 0))
        name = _CODES[code] if code < len(_CODES) else f"Code({code})"
        fields.append(("Error", f"{name} {error.get('Message', '')}"))
    elif status == "canceled":
        fields.append(("Status", "Canceled"))
    done, total, cached = (document[f"Num{it}Steps"] for it in ("Completed", "Total", "Cached"))
    share = f"{cached / total * 100:.0f}" if total else "NaN"
    return [*fields, ("Build Steps", f"{done}/{total} ({share}% cached)")]


def _config(config: "Document") -> "list[tuple[str, str]]":
    fields = [(name, _size(key, _text(config.get(key)))) for name, key in _CONFIG]
    return fields + [(it["Name"], it["Value"]) for it in config.get("RestRaw", ())]


def _size(key: str, text: str) -> str:
    return bytes_size(int(text)) if key in _SIZES and text.isdecimal() else text


def _table(pairs: "Sequence[Document]", title: str) -> str:
    if not pairs:
        return ""
    return tabbed([(title, "VALUE"), *((it["Name"], it["Value"]) for it in pairs)]) + "\n"


def _materials(found: "Sequence[Document]") -> str:
    if not found:
        return ""
    rows = [(it["URI"], ", ".join(it["Digests"])) for it in found]
    return "Materials:\n" + tabbed([("URI", "DIGEST"), *rows]) + "\n"


def _attachments(found: "Sequence[Document]") -> str:
    if not found:
        return ""
    rows = [(it["Digest"], it.get("Platform", ""), it["Type"]) for it in found]
    return "Attachments:\n" + tabbed([("DIGEST", "PLATFORM", "TYPE"), *rows]) + "\n"


def _failure(error: "Document") -> str:
    text = str(error.get("Sources", ""))
    if error.get("Logs"):
        lines = "".join(f"> {line}\n" for line in error["Logs"])
        text += f"Logs:\n> => {error.get('Name', '')}:\n{lines}\n"
    return text
