"""BuildKit's protocol: what ``docker buildx`` and ``DOCKER_BUILDKIT=1 docker build`` speak.

control_messages   of the service that a client asks (``POST /grpc``)
gateway_messages   of the bridge by which a client's own front end asks for results
session_messages   of the services that a client lends its builds (``POST /session``)
sessions           clients that lend something, by their ids
synced_files       their files, and files sent to them
lent               their secrets, keys and credentials
control, bridge    the services
status             a build's progress in BuildKit's form

It is imported when the first client of it comes.
"""
