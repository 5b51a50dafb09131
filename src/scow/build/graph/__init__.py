"""A build as a graph: vertices, what they are known by, and who computes them."""
