"""``python -m scow.daemon``: scowd where no program of that name is installed."""

from scow.daemon import console

console()
