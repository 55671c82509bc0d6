"""The command line, one file a command group."""

from streams.cli.main import main

__all__ = ["main"]
