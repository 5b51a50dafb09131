"""``--security-opt``: parsed once into what the document needs.

Forms: ``no-new-privileges[=bool]``, ``seccomp=…``, ``apparmor=…``, ``label=…``, ``writable-cgroups[=bool]``,
``disable``; the separator may be ``:``, as in old clients. ``systempaths=unconfined`` never comes here:
clients turn it into empty lists of masked and read-only paths.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from scow.errors import InvalidArgumentError

UNCONFINED = "unconfined"
BUILTIN = "builtin"

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """``seccomp`` is "", ``unconfined``, ``builtin`` or a profile's JSON; ``apparmor`` a profile's name.

    ``writable_cgroups`` None: as privileged says.
    """

    no_new_privileges: bool = False
    seccomp: str = ""
    apparmor: str = ""
    labels: tuple[str, ...] = field(default=())
    writable_cgroups: bool | None = None


def parse_security_options(options: Iterable[str], *, no_new_privileges: bool = False) -> SecurityOptions:
    """All options of a container over the engine's default. Raises InvalidArgumentError."""
    result = SecurityOptions(no_new_privileges=no_new_privileges)
    for option in options:
        result = _with_option(result, option)
    return result


def _with_option(result: SecurityOptions, option: str) -> SecurityOptions:
    key, value = _split(option)
    match key:
        case "disable" if value is None:
            return replace(result, labels=(*result.labels, "disable"))
        case "no-new-privileges":
            return replace(result, no_new_privileges=_boolean(value, option))
        case "writable-cgroups":
            return replace(result, writable_cgroups=_boolean(value, option))
        case _ if value is None:
            raise InvalidArgumentError(f'invalid --security-opt 1: "{option}"')
        case "label":
            return replace(result, labels=(*result.labels, value))
        case "apparmor":
            return replace(result, apparmor=value)
        case "seccomp":
            return replace(result, seccomp=value)
    raise InvalidArgumentError(f'invalid --security-opt 2: "{option}"')


def _split(option: str) -> tuple[str, str | None]:
    for separator in ("=", ":"):
        key, found, value = option.partition(separator)
        if found:
            return key, value
    return option, None


def _boolean(value: str | None, option: str) -> bool:
    if value is None or value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise InvalidArgumentError(f'invalid --security-opt 2: "{option}"')
