"""Handlers of the Engine API, one module a noun; each says what it needs of its service."""
