"""Go templates for ``--format``: text and data in, text out (text/template)."""
