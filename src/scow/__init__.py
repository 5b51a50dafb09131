"""scow: a container platform in Python with Docker's interface."""

__version__ = "0.1.0"
