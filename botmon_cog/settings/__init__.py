"""What a server's admins and the bot's owners set in Discord."""
