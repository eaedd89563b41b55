"""Reports that post themselves: a server's week to its channel, the whole bot's week and month to its owners."""
