"""The verbs of ``scow manifest``, one a module."""
