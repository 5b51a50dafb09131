"""What a build's programs may use: ``--resource memory=2g``, and the classic builder's flags for the same."""

from scow.cli.exits import CommandError
from scow.cli.units import ram_in_bytes
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags

_OPTIONS = {
    "memory": "memory",
    "memory-swap": "memswap",
    "cpu-shares": "cpushares",
    "cpu-period": "cpuperiod",
    "cpu-quota": "cpuquota",
    "cpuset-cpus": "cpusetcpus",
    "cpuset-mems": "cpusetmems",
}
"""Names on the command line, and of the front end's options."""
_SIZES = ("memory", "memory-swap")
_NUMBERS = ("cpu-shares", "cpu-period", "cpu-quota")
_UNLIMITED = "-1"


def resource_options(flags: "Flags") -> dict[str, str]:
    """As options of the front end. Raises CommandError."""
    found = {_OPTIONS[name]: str(flags[name]) for name in _OPTIONS if flags[name]}
    for text in flags["resource"]:
        name, equals, value = text.partition("=")
        if not equals or name not in _OPTIONS:
            raise CommandError(f'ERROR: invalid resource "{text}": expected one of {", ".join(_OPTIONS)}')
        found[_OPTIONS[name]] = _checked(name, value)
    return found


def _checked(name: str, value: str) -> str:
    if name == "memory-swap" and value == _UNLIMITED:
        return value
    try:
        if name in _SIZES:
            return str(ram_in_bytes(value))
        if name in _NUMBERS:
            return str(int(value))
    except (InvalidArgumentError, ValueError) as exc:
        raise CommandError(f'ERROR: invalid resource "{name}={value}": {exc}') from exc
    return value
