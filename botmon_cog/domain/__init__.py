"""What happened and what it means, as pure values and functions: no I/O, no asyncio, no discord."""
