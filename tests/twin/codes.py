"""Every reason to refuse a message: the codes of H1Error, in one place.

`CODES` maps a code to the status that answers a *request* refused for it, and to its meaning. A refused *response*
always has status 502, with the same codes; in a chunked body the status is the request's (the decoder does not know the
direction).

Which code: bytes are judged strictly from left to right and the first offending byte decides, whatever follows it. What
needs the whole head (Host, framing, expectation) is judged after its last byte, in the order of the table. `position`
is the offset of the first offending byte; the docstrings of the functions say where that is not obvious.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, tuple[int, str]]] = {
    # Line ends, everywhere outside chunk data
    "bare-lf": (400, "LF without CR before it"),
    "bare-cr": (400, "CR without LF after it"),
    "empty-lines": (400, "more than two empty lines before the request line"),
    # Limits
    "head-too-large": (431, "no end of the head within max_head bytes"),
    "line-too-long": (414, "request line (or status line) longer than max_line"),
    "field-too-long": (431, "field line longer than max_line"),
    "too-many-fields": (431, "more field lines than max_fields"),
    # Request line
    "bad-method": (400, "method empty or with a byte that is no tchar"),
    "long-method": (501, "method longer than 32 bytes"),
    "bad-target": (400, "forbidden byte in the target, no target, or a form that does not go with the method"),
    "no-version": (400, "request line ends after the target (HTTP/0.9)"),
    # Request line and status line
    "bad-version": (400, "version is not HTTP/DIGIT.DIGIT, or is not followed by what has to follow"),
    "unsupported-version": (505, "well-formed version whose major number is not 1"),
    # Status line
    "bad-status": (400, "status is not three digits from 100 to 999"),
    "bad-reason": (400, "control byte in the reason phrase"),
    # Field lines, also in trailers
    "leading-space": (400, "white space before the first field"),
    "obs-fold": (400, "field line that begins with white space"),
    "empty-name": (400, "field line that begins with a colon"),
    "space-in-name": (400, "SP or HTAB in a field name or between it and the colon"),
    "no-colon": (400, "field line without a colon"),
    "bad-name": (400, "field name with a byte that is no tchar, or longer than 255 bytes"),
    "bad-value": (400, "NUL or another control byte but HTAB in a field value"),
    # Host (requests only)
    "missing-host": (400, "HTTP/1.1 without Host"),
    "duplicate-host": (400, "more than one Host line"),
    "bad-host": (400, "Host is not host [ ':' port ]"),
    "host-mismatch": (400, "Host differs from the authority of an absolute-form target"),
    # Framing
    "te-in-1.0": (400, "Transfer-Encoding in an HTTP/1.0 message"),
    "cl-and-te": (400, "both Content-Length and Transfer-Encoding"),
    "bad-te": (400, "Transfer-Encoding malformed, on several lines, or chunked not once and last"),
    "unknown-coding": (501, "well-formed Transfer-Encoding with other codings before chunked"),
    "duplicate-length": (400, "more than one Content-Length line, even if they agree"),
    "bad-length": (400, "Content-Length is not digits only, or has more than 18 after leading zeros"),
    # Expect (requests only)
    "unknown-expectation": (417, "Expect is not exactly one line 100-continue"),
    # Chunked bodies
    "bad-chunk-size": (400, "chunk size without digits, with another byte, over 16 digits, or 2^60 and more"),
    "bad-chunk-extension": (400, "white space without extension, control byte, or an unclosed quoted string"),
    "extensions-too-large": (400, "chunk extensions of one body longer than max_extensions in total"),
    "bad-chunk-end": (400, "chunk data not followed by CRLF"),
    "trailer-too-large": (431, "trailer lines longer than max_trailer in total"),
}


class H1Error(Exception):
    """The message must be refused. See faststicky.core._h1.H1Error."""

    def __init__(self, code: str, position: int, status: int | None = None) -> None:
        """status: overrides that of the table (502 in responses)."""
        self.status = CODES[code][0] if status is None else status
        self.code = code
        self.position = position
        super().__init__(f"{self.status} {code} at byte {position}")
