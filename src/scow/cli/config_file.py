"""``~/.docker/config.json``; never required. ``settings_file`` changes it, ``contexts`` are beside it."""

import os

from scow.api.client.json_text import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT_CONTEXT = "default"
"""The one that options and the environment make; it is not stored."""
_WARNING = "WARNING: Error parsing config file ({path}): {problem}"
_PROXY_NAMES = ("http", "https", "no", "ftp", "all")


def config_directory(option: str, environ: "Mapping[str, str]") -> str:
    """``--config``, else ``DOCKER_CONFIG``, else ``~/.docker``."""
    return option or environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")


class ConfigFile:
    """The settings of one person. Members that have the wrong type count as not there."""

    def __init__(self, values: "dict[str, Any]") -> None:
        self._values = values

    def text(self, key: str) -> str:
        """A member that is a string, ``psFormat`` say; "" when it is not set."""
        value = self._values.get(key)
        return value if isinstance(value, str) else ""

    def texts(self, key: str) -> list[str]:
        """A member that is a list of strings, ``pruneFilters`` say."""
        value = self._values.get(key)
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    def mapping(self, key: str) -> dict[str, str]:
        """A member that is an object of strings, ``credHelpers`` say."""
        return self._strings(self._values.get(key))

    def http_headers(self) -> dict[str, str]:
        """``HttpHeaders``: sent with every request."""
        return self._strings(self._values.get("HttpHeaders"))

    def registries(self) -> list[str]:
        """Those that ``auths`` and ``credHelpers`` have something for."""
        auths = self._values.get("auths")
        return sorted({*(auths if isinstance(auths, dict) else ()), *self.mapping("credHelpers")})

    def registry_auth(self, registry: str) -> "dict[str, Any]":
        """The stored entry of ``auths`` for a registry, empty when there is none."""
        auths = self._values.get("auths")
        entry = auths.get(registry) if isinstance(auths, dict) else None
        return entry if isinstance(entry, dict) else {}

    def proxy_environment(self, endpoint: str) -> dict[str, str]:
        """The variables that ``proxies`` gives to new containers of this endpoint, both letter cases."""
        proxies = self._values.get("proxies")
        if not isinstance(proxies, dict):
            return {}
        settings = self._strings(proxies.get(endpoint) or proxies.get("default"))
        variables = {}
        for name in _PROXY_NAMES:
            if value := settings.get(f"{name}Proxy"):
                variables[f"{name.upper()}_PROXY"] = value
                variables[f"{name}_proxy"] = value
        return variables

    def _strings(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            return {}
        return {key: text for key, text in value.items() if isinstance(text, str)}


def load_config_file(directory: str) -> tuple[ConfigFile, str]:
    """The file and a warning; a broken file warns, a missing one is empty."""
    path = os.path.join(directory, "config.json")
    try:
        with open(path, "rb") as file:
            values = loads(file.read())
    except FileNotFoundError:
        return ConfigFile({}), ""
    except (OSError, ValueError) as exc:
        return ConfigFile({}), _WARNING.format(path=path, problem=exc)
    if not isinstance(values, dict):
        return ConfigFile({}), _WARNING.format(path=path, problem="not a JSON object")
    auths, problem = _readable(values.get("auths"))
    if problem:
        return ConfigFile({**values, "auths": auths}), _WARNING.format(path=path, problem=problem)
    return ConfigFile(values), ""


def _readable(auths: object) -> "tuple[dict[str, Any], str]":
    """The logins that can be read, and why another cannot, or an empty string."""
    if not isinstance(auths, dict) or not auths:
        return {}, ""
    from binascii import Error, a2b_base64

    found, problem = {}, ""
    for registry, entry in auths.items():
        text = entry.get("auth") if isinstance(entry, dict) else None
        try:
            if isinstance(text, str) and text and b":" not in a2b_base64(text, strict_mode=True):
                problem = "Invalid auth configuration file"
                continue
        except (Error, ValueError) as exc:
            problem = f"illegal base64 data: {exc}"
            continue
        found[registry] = entry
    return found, problem
