"""How the bot is: components as values, one debouncer, one verdict; words only where it is read."""
