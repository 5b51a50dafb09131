"""How Python is started for scow-reaper and scow-shim."""

FLAGS = ("-P", "-s", "-S")
"""Neither site-packages nor the folder of the script: what these processes run must not depend on who starts
them. With ``-I`` Python would not look at the environment below, which holds nothing else."""

ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",  # mallopt(3); else a thread of a moment leaves 0.1 MB behind
    # Python's own allocator gives memory back a megabyte at a time: after two hundred containers the two
    # processes had 1.3 MB more, and have 0.2 MB more now.
    "PYTHONMALLOC": "malloc",
}
