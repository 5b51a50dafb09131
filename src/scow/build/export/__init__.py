"""A result as documents and blobs: manifests, indexes, layers compressed, layouts, a registry.

documents      manifests and indexes, in the bytes that their digests cover
options        what an exporter is asked for
compression    a layer's tar as it goes out
blobs          everything that a result is made of, by digest
layout         blobs as an OCI layout
repository     blobs into a registry
times          layers whose files are no younger than a given time
whole_image    one result, of one platform or several, put together
"""
