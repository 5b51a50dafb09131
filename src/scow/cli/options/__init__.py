"""The grammars of the options of ``run``, ``create`` and ``exec``: texts in, Engine API values out.

Pure but for the files that some options name (``--env-file``, ``seccomp=``). Wrong texts raise
InvalidArgumentError with Docker's message.
"""
