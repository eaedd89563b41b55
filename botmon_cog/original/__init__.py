"""The interface of the module that this package grew out of: four classes, helpers, plain dicts, percent.

What it is called and what it returns is fixed by the bots that use it. None of it raises into them.
"""
