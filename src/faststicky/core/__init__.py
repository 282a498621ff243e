"""The compiled core: parser, cookie scanner, lookup table and relay. It imports nothing from the rest of the package."""

from faststicky.core._relay import Relay, RelayBuilder
from faststicky.core._table import Table, TableBuilder

__all__ = ["Relay", "RelayBuilder", "Table", "TableBuilder"]
