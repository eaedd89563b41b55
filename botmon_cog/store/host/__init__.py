"""What the store keeps of a database of the host's: what was read from it, and what was mirrored into it."""
