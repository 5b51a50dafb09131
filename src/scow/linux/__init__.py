"""The kernel and nothing else. Every failure is an ``OSError``; what it means is for the caller to say."""
