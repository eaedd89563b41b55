"""Where events are kept. The only place with SQL."""
