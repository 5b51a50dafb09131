"""HTTP/1.1 for one application: parsing, framing, connections, listeners. Knows nothing of containers."""
