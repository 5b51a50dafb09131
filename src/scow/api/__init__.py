"""The Engine API on the wire: HTTP, the routes of the server, and the client."""
