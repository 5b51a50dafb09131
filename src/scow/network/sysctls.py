"""Kernel settings of one interface inside a network namespace (Documentation/networking/ip-sysctl.rst)."""

import os
from collections.abc import Mapping
from pathlib import Path

from scow.errors import ScowError
from scow.linux.namespaces import enter_netns

_SYSCTL = Path("/proc/sys")


def set_interface_sysctls(netns_fd: int, interface: str, settings: Mapping[str, str]) -> None:
    """Write values by names like ``net.ipv4.conf.IFNAME.log_martians``. Blocks.

    Raises ScowError naming the one that the kernel refuses.
    """
    with enter_netns(netns_fd):
        for name, value in settings.items():
            path = _SYSCTL.joinpath(*(interface if word == "IFNAME" else word for word in name.split(".")))
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    os.write(fd, value.encode())
                finally:
                    os.close(fd)
            except OSError as exc:
                raise ScowError(f"failed to set sysctl {name}={value}: {exc.strerror}") from exc
