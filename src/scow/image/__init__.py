"""Images at rest and in motion: content, layers, snapshots, names, archives."""
