"""Records of builds, shown: ``buildx history``. They come by BuildKit's protocol, from scowd or dockerd.

filters       what ``--filter`` means
naming        what a build is called
records       fetched, chosen by reference or position
attachments   documents that a record names
inspection    everything about one record, as a document and as a page
bundle        records in an archive of their own
"""
