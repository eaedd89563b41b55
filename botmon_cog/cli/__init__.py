"""The command line: `python -m botmon_cog demo`, `run`, `report`, `doctor`, `rebuild` and `copy`."""
