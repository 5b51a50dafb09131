"""The verbs of ``scow completion``."""
