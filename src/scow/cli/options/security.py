"""``--security-opt`` (profiles are read here and sent as text), capabilities, and ``--sysctl``."""

from scow.cli.go_values import quote
from scow.errors import InvalidArgumentError

_UNVALUED = "no-new-privileges"
_BUILTIN_PROFILES = ("builtin", "unconfined")
_ALL_CAPABILITIES = "ALL"
_SYSCTLS = frozenset(
    [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ]
)
_SYSCTL_PREFIXES = ("net.", "fs.mqueue.")


def security_options(texts: list[str]) -> tuple[list[str] | None, bool]:
    """The options to send, and whether ``systempaths=unconfined``, which clients resolve, was among them."""
    options = [_resolve_option(text) for text in texts]
    kept = [option for option in options if option != "systempaths=unconfined"]
    return kept if texts else None, len(kept) < len(options)


def _resolve_option(text: str) -> str:
    key, separator, value = text.partition("=")
    if not separator and key != _UNVALUED:
        key, separator, value = text.partition(":")
    if not value and key != _UNVALUED:
        raise InvalidArgumentError(f"Invalid --security-opt: {quote(text)}")
    if key == "seccomp" and value not in _BUILTIN_PROFILES:
        return f"seccomp={_read_profile(value)}"
    return text


def _read_profile(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        reason = f"open {path}: {(exc.strerror or str(exc)).lower()}"
        raise InvalidArgumentError(f"opening seccomp profile ({path}) failed: {reason}") from exc
    import json

    try:
        return json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False)
    except ValueError as exc:
        raise InvalidArgumentError(f"compacting json for seccomp profile ({path}) failed: {exc}") from exc


def capabilities(names: list[str]) -> list[str] | None:
    """Upper case with ``CAP_``, sorted, each once; None when there are none."""
    return sorted({_capability(name.upper()) for name in names}) or None


def _capability(name: str) -> str:
    return name if name == _ALL_CAPABILITIES or name.startswith("CAP_") else f"CAP_{name}"


def validate_sysctl(text: str) -> str:
    """``--sysctl name=value``: only those that are separate in a container."""
    name, equals, _ = text.partition("=")
    if not equals or not (name in _SYSCTLS or name.startswith(_SYSCTL_PREFIXES)):
        raise InvalidArgumentError(f"sysctl '{text}' is not allowed")
    return text
