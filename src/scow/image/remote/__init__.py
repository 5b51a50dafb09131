"""Images in other places: a client of registries that speak OCI distribution 1.1 or Docker's v2 protocol.

Everything here blocks and runs on the transfer threads (``threads``), but for ``pull``, ``push`` and
``downloads``, which the engine awaits. ``urllib3`` is imported when a registry is first talked to.
"""
