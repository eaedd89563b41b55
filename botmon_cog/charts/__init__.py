"""Charts as PNG. A worker process draws: the bot's own never imports matplotlib."""
