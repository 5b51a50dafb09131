"""Other people's modules, loaded with what they need here and no more; to be imported before anything else.

- What is imported everywhere and used hardly ever is executed at its first use (1.3 MB of an idle engine).
- What can be done without is not found while its user is loaded. A Python without OpenSSL has neither ssl nor
  _hashlib; asyncio and hashlib are made to run there, and here they are told so (2.5 MB). asyncio's own TLS
  drops output after a client half-closes, so TLS goes through ``ssl.MemoryBIO`` where somebody asks for it.
  ``import ssl`` works as ever afterwards, and ``scow.spec.bulk_digest.bulk_sha256`` is OpenSSL's.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

LATE = (
    "inspect",  # dataclasses makes docstrings with it, asyncio looks at generators; brings ast and dis
    "linecache",  # traceback, for source lines; brings tokenize
    "textwrap",  # traceback
    "locale",  # subprocess, for text
    "bz2",  # shutil, for archives
    "lzma",
    "asyncio.sslproto",  # asyncio's own TLS
    "msgspec.inspect",
    "msgspec.msgpack",
    "msgspec.toml",
    "msgspec.yaml",
)


class _LateModule(ModuleType):
    """A module whose code runs when it is asked for a name that it does not have yet.

    ``importlib.util.LazyLoader`` does not do: it runs it at the second ``import``, and these have several.
    """

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        if type(self) is ModuleType or spec is None or spec.loader is None or name == "__path__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__class__ = ModuleType  # type: ignore[assignment]  # it is late no more
        spec.loader.exec_module(self)
        return getattr(self, name)


def _postpone(name: str) -> None:
    parent, _, _ = name.rpartition(".")
    package = PathFinder.find_spec(parent) if parent else None
    spec = PathFinder.find_spec(name, package.submodule_search_locations if package else None)
    if spec is None:
        return  # this Python has none: who needs it is told so
    module = _LateModule(name)
    module.__spec__, module.__loader__, module.__package__ = spec, spec.loader, spec.parent
    module.__file__ = spec.origin
    sys.modules[name] = module


@contextmanager
def _hidden(names: Iterable[str]) -> Iterator[None]:
    """Imports of these modules fail meanwhile, unless they are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


for _name in LATE:
    if _name not in sys.modules:
        _postpone(_name)
with _hidden(("ssl", "_hashlib")):
    # Imported to be there without what is hidden.
    import asyncio  # noqa: F401
    import hashlib  # noqa: F401
    import hmac  # noqa: F401  # of secrets
with _hidden(("typing_extensions",)):  # typing has all of it that counts here
    import msgspec  # noqa: F401
