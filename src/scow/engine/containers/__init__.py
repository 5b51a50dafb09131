"""Containers: one module a step of their life, around one table of states."""
