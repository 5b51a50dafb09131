"""The Dockerfile language, without any I/O: text to typed instructions."""
