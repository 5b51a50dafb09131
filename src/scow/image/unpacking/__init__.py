"""Layers are unpacked in confined processes of their own: what a stranger packed is read by nobody else."""
