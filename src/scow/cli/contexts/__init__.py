"""Contexts: named engines that a person can choose among, in the store that Docker's command line has."""
