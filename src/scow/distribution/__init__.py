"""A client of registries that speak OCI distribution 1.1 or Docker's v2 protocol.

Where a registry's content can be had, who we are to it, manifests, blobs and tags. It knows no store and no
engine: the engine pulls and pushes with it, and the command line looks at and makes manifests with it.

Everything blocks. ``urllib3`` is imported when a registry is first talked to.
"""
