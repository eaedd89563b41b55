"""Work on a whole store without a bot: examining, rebuilding, copying."""
