"""Build checks, by Docker's names: what is not wrong in a Dockerfile, and still not as it should be."""
