"""Messages of BuildKit's services that both our engine and our command line speak.

progress     what a build tells
history      records of builds
content      blobs that records name
"""
