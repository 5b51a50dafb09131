"""What a container has mounted: chosen, made and shown."""
