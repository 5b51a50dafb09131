"""A synchronous Engine API client on plain sockets, for command lines.

It imports next to nothing, because each invocation of ``scow`` pays for every import: ``socket`` and
``json``, and never asyncio, ssl, msgspec, http or urllib.
"""
