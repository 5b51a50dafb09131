"""What the steps of a build do with a file system."""
