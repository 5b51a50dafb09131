"""The verbs of ``scow image``, one a module."""
