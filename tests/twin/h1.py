"""HTTP/1.1 heads and chunked bodies: the oracle of faststicky.core._h1. The table of error codes is twin/codes.py."""

from twin.codes import CODES, H1Error

__all__ = ["CODES", "H1Error"]
