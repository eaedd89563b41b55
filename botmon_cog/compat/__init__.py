"""Hosts that differ from a plain discord.py bot: which are refused, and what Red and some templates expect."""
