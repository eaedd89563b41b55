"""What is told to the outside, other than to people."""
