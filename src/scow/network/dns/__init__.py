"""The name server that containers on networks of their own find at 127.0.0.11."""
