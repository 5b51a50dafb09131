"""Start-up: what an earlier engine left is put in order."""
