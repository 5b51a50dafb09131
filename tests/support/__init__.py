"""What the tests stand on: images, disks, namespaces, daemons, clients, and the search for leaks."""
