"""asyncio and hashlib without OpenSSL: to be imported before anything else, for an engine 2.5 MB smaller.

asyncio loads ssl, and with it OpenSSL's tables, for its own TLS only, which scow does not use: it drops
output after a client half-closes, so TLS goes through ``ssl.MemoryBIO`` where somebody asks for it. A Python
without OpenSSL has neither ssl nor _hashlib; asyncio and hashlib are made to run there, and here they are
told so. ``import ssl`` works as ever afterwards, and ``scow.spec.digest.bulk_sha256`` is OpenSSL's.
"""

import sys

_OPENSSL = ("ssl", "_hashlib")

if not sys.modules.keys() & {*_OPENSSL, "asyncio", "hashlib"}:
    for name in _OPENSSL:
        sys.modules[name] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        import asyncio  # noqa: F401
        import hashlib  # noqa: F401
        import hmac  # noqa: F401  # of secrets
    finally:
        for name in _OPENSSL:
            del sys.modules[name]
