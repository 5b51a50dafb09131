"""Storage drivers: file systems that stack."""
