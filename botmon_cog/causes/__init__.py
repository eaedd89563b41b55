"""Why something failed: the line it came from, which failures are the same, and what of it may be kept."""
