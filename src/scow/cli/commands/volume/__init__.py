"""The verbs of ``scow volume``, one a module."""
