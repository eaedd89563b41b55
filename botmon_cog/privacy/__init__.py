"""What is stored about somebody: shown, handed out, erased; and what goes once the bot has left a server."""
