"""The verbs of ``scow container``, one a module."""
