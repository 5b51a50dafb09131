"""The engine's configuration: built-in defaults, under daemon.json, under flags; one frozen value.

This package is the only reader of the environment. It reads two kinds of file, at start: daemon.json, and a
seccomp profile that it names. Everything is checked here, so that a daemon that starts has a configuration
that it can honour; what Docker knows and scow does not do yet is refused by name, never ignored.
"""

from scow.config.assemble import load
from scow.config.settings import DEFAULT_BRIDGE, AddressPool, Config, Runtime

__all__ = ["DEFAULT_BRIDGE", "AddressPool", "Config", "Runtime", "load"]
