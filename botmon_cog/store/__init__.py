"""Where everything is kept: the log, what is counted from it, and what is remembered."""
