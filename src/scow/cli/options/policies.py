"""Restart policy, health check, log and storage options, and the namespace modes."""

from scow.cli.go_values import parse_int
from scow.cli.options.environment import pairs
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags

_HEALTH_TIMES = {
    "health-interval": "Interval",
    "health-timeout": "Timeout",
    "health-start-period": "StartPeriod",
    "health-start-interval": "StartInterval",
    "health-retries": "Retries",
}
# The order in which Docker looks for negative values.
_HEALTH_CHECKS = (
    "health-interval",
    "health-timeout",
    "health-retries",
    "health-start-period",
    "health-start-interval",
)


def restart_policy(text: str) -> "dict[str, Any]":
    """``--restart name[:attempts]``; which names there are is the engine's business."""
    name, colon, attempts = text.partition(":")
    if colon and not name:
        raise InvalidArgumentError("invalid restart policy format: no policy provided before colon")
    try:
        count = parse_int(attempts) if attempts else 0
    except InvalidArgumentError as exc:
        message = "invalid restart policy format: maximum retry count must be an integer"
        raise InvalidArgumentError(message) from exc
    return {"Name": name, "MaximumRetryCount": count}


def health_check(flags: "Flags") -> "dict[str, Any] | None":
    """``Config.Healthcheck``; None when nothing was said, so that the image's counts."""
    command = flags["health-cmd"]
    given = command or any(flags[name] for name in _HEALTH_TIMES)
    if flags["no-healthcheck"]:
        if given:
            raise InvalidArgumentError("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    if not given:
        return None
    for name in _HEALTH_CHECKS:
        if flags[name] < 0:
            raise InvalidArgumentError(f"--{name} cannot be negative")
    check: dict[str, Any] = {"Test": ["CMD-SHELL", command]} if command else {}
    check.update((member, flags[name]) for name, member in _HEALTH_TIMES.items() if flags[name])
    return check


def log_config(driver: str, options: list[str]) -> "dict[str, Any]":
    """``HostConfig.LogConfig``."""
    if driver == "none" and options:
        raise InvalidArgumentError("invalid logging opts for driver none")
    return {"Type": driver, "Config": pairs(options)}


def storage_options(texts: list[str]) -> dict[str, str]:
    """``--storage-opt key=value``."""
    if any("=" not in text for text in texts):
        raise InvalidArgumentError("invalid storage option")
    return pairs(texts)


def check_namespace_modes(flags: "Flags") -> None:
    """``--pid``, ``--uts``, ``--userns`` and ``--cgroupns``; ``--ipc`` is the engine's to check."""
    pid = flags["pid"]
    if pid not in ("", "host") and not (pid.startswith("container:") and len(pid) > len("container:")):
        raise InvalidArgumentError("--pid: invalid PID mode")
    if flags["uts"] not in ("", "host"):
        raise InvalidArgumentError("--uts: invalid UTS mode")
    if flags["userns"] not in ("", "host"):
        raise InvalidArgumentError("--userns: invalid USER mode")
    if flags["cgroupns"] not in ("", "host", "private"):
        raise InvalidArgumentError("--cgroupns: invalid CGROUP mode")
