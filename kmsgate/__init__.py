"""The surfaces of kmsgate: command line, scenario runner and, later, endpoint and studio."""

__version__ = "0.1.0"
