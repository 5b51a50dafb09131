"""Images between the store and registries: fetched and sent, shared, gone on with, and told of meanwhile.

Transfers block and run on the transfer threads (``threads``); the engine awaits ``pull``, ``push`` and
``downloads``.
"""
