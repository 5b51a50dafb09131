"""The verbs of ``scow network``, one a module."""
