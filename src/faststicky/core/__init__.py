"""The compiled core: parser, cookie scanner, lookup table and relay. It imports nothing from the rest of the package."""

from faststicky.core._relay import Relay
from faststicky.core._table import Table

__all__ = ["Relay", "Table"]
