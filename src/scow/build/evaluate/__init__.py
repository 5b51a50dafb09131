"""What a Dockerfile means: stages evaluated to image configs, and their steps to vertices of the graph."""
