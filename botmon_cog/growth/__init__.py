"""What the bot's owners see of all servers: `/botmon overview`, and how many come, stay and go."""
