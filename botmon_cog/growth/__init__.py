"""How the bot grows: servers that come, stay and leave, people, and commands that are used or not."""
