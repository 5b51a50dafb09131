"""One module a verb; each has a ``COMMAND``. They are imported by name from ``scow.cli.tree``."""
