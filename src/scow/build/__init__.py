"""Building images: Dockerfile, graph, solver, exporters."""
