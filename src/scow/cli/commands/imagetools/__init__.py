"""The verbs of ``scow buildx imagetools``, one a module."""
