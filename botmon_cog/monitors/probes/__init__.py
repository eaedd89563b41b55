"""What looks at one thing each, and gives a sample of it."""
