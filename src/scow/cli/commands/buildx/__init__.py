"""The verbs of ``scow buildx``, one a module."""
