"""Images between the store and registries: what is fetched and sent, shared, gone on with, and told meanwhile.

Transfers block and run on the transfer threads (``threads``); ``pull``, ``push`` and ``downloads`` are what
the engine awaits.
"""
