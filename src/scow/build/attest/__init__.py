"""What is said of a build beside its result: how it came about, and what is in it.

facts         what a build was, before it is put in anybody's words
provenance    SLSA provenance, v1 and v0.2
steps         the graph as provenance of mode=max shows it
packages      what programs of an image were installed as packages
sbom          an SPDX document of them
wanted        the options ``attest:…``
"""
