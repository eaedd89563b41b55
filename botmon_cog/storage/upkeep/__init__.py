"""What is done with a whole database: proving, rebuilding, cleaning, copying."""
