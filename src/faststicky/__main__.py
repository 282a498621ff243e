"""`python -m faststicky`."""

from faststicky.cli import main

main()
