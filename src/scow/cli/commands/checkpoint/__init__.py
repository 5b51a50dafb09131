"""The verbs of ``scow checkpoint``, one a module."""
