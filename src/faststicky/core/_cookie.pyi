"""The Cookie field (RFC 6265, section 4.2): find one cookie, and cut it out of what the application sees."""

def find(value: bytes, name: bytes) -> bytes | None:
    """Value of the first cookie called `name` (case-sensitive) in a Cookie field's value, without surrounding white space and
    double quotes; None when there is none. Only ";" separates cookies."""

def strip(value: bytes, name: bytes, search: bool = True) -> bytes:
    """`value` without any cookie called `name`; everything else byte for byte, b"" when nothing is left. Not `search`: told
    where the first one is, as the relay does, which has looked for it before. The result is the same."""
