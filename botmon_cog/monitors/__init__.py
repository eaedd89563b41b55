"""The four monitors. None of them knows discord."""
