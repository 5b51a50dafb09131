"""The objects of the Engine API and their life: containers, execs, images, networks, volumes, events."""
