"""Which settings change while the engine runs, on SIGHUP; and what is told of it. Pure.

Docker's daemon/reload.go is the model: a few settings take the values of daemon.json as it is now, everything
else waits for the next start. The event names Docker's list of settings, also those that did not change.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Final

from scow.config import Config

RELOADED: Final = (
    "debug",
    "log_level",
    "labels",
    "features",
    "live_restore",
    "registry_mirrors",
    "insecure_registries",
    "max_concurrent_downloads",
    "max_concurrent_uploads",
    "max_download_attempts",
)


def reloaded(running: Config, read: Config) -> Config:
    """``running`` with what may change taken from ``read``."""
    return dataclasses.replace(running, **{name: getattr(read, name) for name in RELOADED})


def waiting(started: Config, read: Config) -> list[str]:
    """Names of settings that differ between two readings and take effect at the next start only."""
    names = [field.name for field in dataclasses.fields(Config) if field.name not in RELOADED]
    return [name for name in names if getattr(started, name) != getattr(read, name)]


def reload_attributes(config: Config) -> dict[str, str]:
    """The attributes of the event ``reload``."""
    return {
        "debug": _boolean(config.debug),
        "default-cgroupns-mode": config.default_cgroupns_mode,
        "default-ipc-mode": config.default_ipc_mode,
        "default-runtime": config.default_runtime,
        "default-shm-size": str(config.default_shm_size_bytes),
        "features": _go_map(config.features),
        "insecure-registries": _array(config.insecure_registries),
        "labels": _array(config.labels),
        "live-restore": _boolean(config.live_restore),
        "max-concurrent-downloads": str(config.max_concurrent_downloads),
        "max-concurrent-uploads": str(config.max_concurrent_uploads),
        "max-download-attempts": str(config.max_download_attempts),
        "registry-mirrors": _array(config.registry_mirrors),
        "runtimes": " ".join(f"{name}:{runtime.path}" for name, runtime in config.runtimes.items()),
        "shutdown-timeout": str(config.shutdown_timeout_s),
    }


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _array(values: Iterable[str]) -> str:
    return json.dumps(list(values), separators=(",", ":"), ensure_ascii=False)


def _go_map(values: Mapping[str, bool]) -> str:
    """As fmt.Sprint writes a map."""
    return f"map[{' '.join(f'{key}:{_boolean(value)}' for key, value in sorted(values.items()))}]"
