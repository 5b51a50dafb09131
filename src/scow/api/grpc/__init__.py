"""gRPC over connections that were given away: either end of one can be the server.

status       how a call ends, and errors of that kind
joined_frames  fewer frames of the same stream
http2        streams on a connection, with flow control
calls        one call: metadata, messages, status
server       calls that come in, to their handlers
client       calls that go out
buildkit     messages of BuildKit that both ends of ours speak

BuildKit's clients upgrade an HTTP/1 connection to HTTP/2 and then either ask (``/grpc``) or answer
(``/session``). It is imported when the first of them comes: h2 takes 5 MB and 0.1 s.
"""
