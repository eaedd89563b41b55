"""Whether everything is set up as it should be, and what to do where it is not."""
