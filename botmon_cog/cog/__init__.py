"""The discord.py side: the only package here that imports discord."""
