"""Request and response bodies of the Docker Engine API, one module a noun.

Field names are the API's own (``Memory``, ``CpuShares``), spelled in Python's way here (``memory``,
``cpu_shares``) and renamed by ``Body``. Source: the Engine API documents v1.24 to v1.55.
"""
