"""Log drivers: what containers say, written down and read back."""
