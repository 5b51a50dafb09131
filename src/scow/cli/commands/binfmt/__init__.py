"""The verbs of ``scow binfmt``."""
