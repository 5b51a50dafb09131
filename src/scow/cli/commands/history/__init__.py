"""``scow buildx history …``."""
