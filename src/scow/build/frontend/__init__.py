"""The Dockerfile front end as BuildKit's clients know it: its options in, an image or files out.

options     what a client asks for, typed
contexts    the Dockerfile and the files around it, from the client or from elsewhere
told        the graph's progress in BuildKit's words
service     a build from request to result
exporters   a result becomes an image, an archive, files
"""
