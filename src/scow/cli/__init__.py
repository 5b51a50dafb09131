"""The ``scow`` command line.

Every invocation pays for every import, so modules here import little and late: no asyncio, ssl, msgspec,
typing or dataclasses on the way to a command. That is why plain classes with ``__slots__`` stand where other
rooms have dataclasses, and why type-only imports hide behind a local ``TYPE_CHECKING``.
"""
