"""The command line: commands only, the work is elsewhere. Each command's imports wait until it is called."""

from fleet.cli.main import main

__all__ = ["main"]
