"""asyncio without TLS. To be imported before anything imports asyncio; then it costs 1.4 MB less.

asyncio loads ssl, and with it OpenSSL's tables, for its own TLS only, which scow does not use: it drops
output after a client half-closes, so TLS goes through ``ssl.MemoryBIO`` where somebody asks for it. A Python
without OpenSSL has no ssl; asyncio is made to run there, and here it is told so. ``import ssl`` works as ever
afterwards.
"""

import sys

if "ssl" not in sys.modules and "asyncio" not in sys.modules:
    sys.modules["ssl"] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]
