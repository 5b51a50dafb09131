"""Tar, read and written: headers, extensions, sparse files."""
