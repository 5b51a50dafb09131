"""``cp``: path rules, tar archives in and out, progress."""
