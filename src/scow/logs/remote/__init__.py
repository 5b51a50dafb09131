"""Log drivers that send lines elsewhere: syslog, GELF, fluentd, journald.

The output of a container goes to a file first, as with every driver, and from there to its destination: a
slow or dead receiver never holds a container up, and a crash loses nothing that the file still has.
"""
