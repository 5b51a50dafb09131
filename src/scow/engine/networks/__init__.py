"""Networks as objects of the API: made, found, described, and their drivers kept running."""
