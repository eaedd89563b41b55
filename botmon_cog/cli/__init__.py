"""The command line: `python -m botmon_cog demo`, `run` and `report`."""
