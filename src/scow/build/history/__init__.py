"""Records of builds: what each was, what it told, what it came to, for those who ask later.

filters      which records a client wants
blobs        logs, errors and documents as files, by digest
recording    one build's record while it goes on
records      all of them: kept over restarts, within limits
"""
