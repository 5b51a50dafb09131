"""Volumes: what outlives containers. ``service`` has them all, ``drivers`` who keeps them."""
