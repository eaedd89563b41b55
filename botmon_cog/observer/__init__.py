"""discord.py's events to values: the only room with hooks."""
