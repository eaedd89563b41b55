"""`/botmon metrics`: what the bot's own counters, gauges, histograms and timers say. The owners' alone."""
