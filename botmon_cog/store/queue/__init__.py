"""From an event to the store: the queue in memory, and the spool on disk while the store is away."""
