"""The verbs of ``scow system``, and the commands that belong to no noun, one a module."""
