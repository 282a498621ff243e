"""The commands. `main` is the entry point of `faststicky` and of `python -m faststicky`."""

from faststicky.cli.commands import main

__all__ = ["main"]
