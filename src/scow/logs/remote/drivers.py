"""The drivers that send lines elsewhere, by name; each is imported when a container first has it."""

from importlib import import_module

from scow.logs.remote.destination import RemoteDriver

REMOTE_DRIVERS = frozenset({"fluentd", "gelf", "journald", "syslog"})


def remote_driver(name: str) -> RemoteDriver:
    """The driver of that name, one of ``REMOTE_DRIVERS``."""
    driver: RemoteDriver = import_module(f"scow.logs.remote.{name}").DRIVER
    return driver
