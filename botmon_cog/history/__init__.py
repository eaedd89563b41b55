"""Who used what: the log read page by page, told in a channel as it comes, and who uses the bot most."""
