"""From an event to a batch: the one way in, and what waits meanwhile."""
