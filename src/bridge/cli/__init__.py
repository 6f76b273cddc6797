"""The command line: one module a command group, built on the console's own words.

What belongs here: reading arguments, printing for people or as JSON, exit codes (0 well, 1 work failed, 2 configuration
wrong). What does not: work. Nothing imports this room.
"""

from bridge.cli.app import main

__all__ = ["main"]
