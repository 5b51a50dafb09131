"""The build cache of other engines: results from registries, folders and images, and to them.

documents   BuildKit's cache config, and what scow adds to it
layers      blobs of layers become layers of the image store
sources     where a cache is read
imported    what came, as the solver asks for it
importing   ``--cache-from``
exporting   ``--cache-to``
mounts      cache mounts, which go along if asked for
"""
