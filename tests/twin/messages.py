"""Hypothesis strategies for messages that are valid, nearly valid, or broken in one place.

Pure noise is refused at its first byte and shows nothing; what finds disagreements is a good message with a few parts
that are odd and a few bytes that are changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

INTERESTING = b'\x00\x01\t\n\x0b\r "#%,/0159:;=?@AZ[\\]aghz{~\x7f\x80\xff'

METHODS = [b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"FROB", b"get", b"M" * 32, b"M" * 33, b""]
TARGETS = [
    b"/", b"/a/b?c=d", b"//a", b"/a#b", b"/\\", b"*", b"http://a", b"http://a/", b"HTTP://A:80/x",
    b"https://a?q", b"http://a:81/", b"http://b/", b"http://u@a/", b"ftp://a/", b"a:80", b"[::1]:80", b"a:0",
    b"a", b"http://", b"?q", b"",
]  # fmt: skip
VERSIONS = [b"HTTP/1.1"] * 8 + [b"HTTP/1.0"] * 3 + [b"HTTP/1.9", b"HTTP/2.0", b"HTTP/2.00", b"http/1.1", b"HTTP/1", b""]
ENDS = [b"\r\n"] * 30 + [b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\r\n\t", b""]
HOSTS = [
    b"a", b"A", b"a:80", b"a:", b"a:0", b"a:65535", b"a:65536", b"a:000080", b"b", b"[::1]", b"[::1]:80",
    b"[1]", b"[::1", b"[:::]", b"[::ffff:1.2.3.4]", b"a,b", b"u@a", b"a b", b"a%20", b"a%2", b"a%zz", b"a:b",
    b"1.2.3.4", b":80", b"",
]  # fmt: skip
CODINGS = [
    b"chunked", b"Chunked", b"gzip, chunked", b"gzip,chunked", b"identity", b"chunked, chunked", b"chunked,",
    b",chunked", b"xchunked", b"chunked;a", b"gzip\t,\tchunked", b"gzip , , chunked", b"",
]  # fmt: skip
LENGTHS = [
    b"0", b"5", b"005", b"5, 5", b"+5", b"-1", b"0x5", b"5 5", b"9" * 18, b"9" * 19, b"0" * 30 + b"7",
    b"18446744073709551621", b"",
]  # fmt: skip
CONNECTIONS = [
    b"close", b"Close", b"keep-alive", b"upgrade", b"keep-alive, Upgrade", b"close,keep-alive", b",, close ,",
    b"closed", b"a b", b"",
]  # fmt: skip
UPGRADES = [
    b"websocket", b"h2c", b"websocket, h2c", b"a/1", b"a/", b"/1", b"a/b/c", b"a b", b", a", b"a,", b",",
    b"h2c/1", b"a,b", b"a , b",
]  # fmt: skip
EXPECTATIONS = [b"100-continue", b"100-Continue", b"x", b"100-continue, x", b"100-continue x", b""]
VALUES = [b"", b"x", b"a b", b"\t", b"a\tb", b"\x80\xff", b"\xa0", b"a:b", b'"q"', b"\x00", b"\x7f", b"x" * 70]
NAMES = [b"X", b"x-y", b"Cookie", b"X_Y", b"n" * 255, b"n" * 256, b"", b"X Y", b"X(", b" X", b"X\x80"]
FIELDS: Sequence[tuple[bytes, list[bytes]]] = [
    (b"Host", HOSTS),
    (b"Transfer-Encoding", CODINGS),
    (b"Content-Length", LENGTHS),
    (b"Connection", CONNECTIONS),
    (b"Upgrade", UPGRADES),
    (b"Expect", EXPECTATIONS),
]


@st.composite
def field_lines(draw: st.DrawFn, *, host: bool) -> bytes:
    lines = [b"Host: a\r\n"] if host and draw(st.integers(0, 9)) else []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            name, values = draw(st.sampled_from(FIELDS))
            name = draw(st.sampled_from([name, name.lower(), name.upper()]))
        else:
            name, values = draw(st.sampled_from(NAMES)), VALUES
        colon = draw(st.sampled_from([b": "] * 12 + [b":", b":\t ", b" :", b""]))
        space = draw(st.sampled_from([b""] * 6 + [b" ", b"\t "]))
        lines.append(name + colon + draw(st.sampled_from(values)) + space + draw(st.sampled_from(ENDS)))
    return b"".join(draw(st.permutations(lines)))


def mutated(messages: st.SearchStrategy[bytes], most: int = 2) -> st.SearchStrategy[bytes]:
    """`messages`, half of them with up to `most` bytes changed, put in or taken out."""

    @st.composite
    def strategy(draw: st.DrawFn) -> bytes:
        data = draw(messages)
        for _ in range(draw(st.integers(0, most)) if data and draw(st.booleans()) else 0):
            at = draw(st.integers(0, len(data)))
            byte = bytes([draw(st.sampled_from(INTERESTING))])
            data = data[:at] + draw(st.sampled_from([byte, b""])) + data[at + draw(st.integers(0, 1)) :]
        return data

    return strategy()


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    first = b" ".join(
        [
            draw(st.sampled_from(METHODS) | st.sampled_from([b"GET", b"POST"])),
            draw(st.sampled_from(TARGETS) | st.just(b"/")),
            draw(st.sampled_from(VERSIONS)),
        ]
    )
    empty = draw(st.sampled_from([b""] * 8 + [b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n", b"\n"]))
    rest = draw(st.sampled_from([b"", b"", b"hello", b"\r\n", b"GET / HTTP/1.1\r\n"]))
    fields = draw(field_lines(host=True))
    return empty + first + draw(st.sampled_from(ENDS)) + fields + draw(st.sampled_from(ENDS)) + rest


@st.composite
def _responses(draw: st.DrawFn) -> bytes:
    status = draw(
        st.sampled_from([b"200"] * 5 + [b"100", b"101", b"204", b"304", b"404", b"599", b"600", b"099", b"20", b"2000"])
    )
    reason = draw(st.sampled_from([b" OK", b" ", b"", b" a\tb\xe9", b" \x00", b"\tOK"]))
    first = draw(st.sampled_from(VERSIONS)) + b" " + status + reason
    fields = draw(field_lines(host=False))
    return (
        first
        + draw(st.sampled_from(ENDS))
        + fields
        + draw(st.sampled_from(ENDS))
        + draw(st.sampled_from([b"", b"hello"]))
    )


@st.composite
def _chunked(draw: st.DrawFn) -> bytes:
    extension = st.sampled_from(
        [b""] * 12
        + [b";", b";a=b", b" ;a", b" ", b';a="b"', b';a="\r\n"', b';a="\\""', b';a="', b";\x80", b";\x00", b"\t"]
        + [b";a;b", b"; a = b ;c", b";a ", b";a=", b";a=b ", b';a="b"c', b";a=b=c", b';a="b" ;c', b";=b"]
    )
    body = b""
    for _ in range(draw(st.integers(0, 4))):
        data = draw(st.binary(min_size=1, max_size=20))
        size = draw(
            st.sampled_from([b"%x", b"%X", b"0%x", b"%016x"] * 4 + [b"%017x", b"0x%x", b"+%x", b" %x", b"%d"])
        ) % len(data)
        body += size + draw(extension) + draw(st.sampled_from(ENDS)) + data + draw(st.sampled_from(ENDS))
    body += draw(st.sampled_from([b"0"] * 6 + [b"000", b"", b"fffffffffffffff", b"1" * 16])) + draw(extension)
    trailer = draw(st.just(b"") | field_lines(host=False))
    return (
        body
        + draw(st.sampled_from(ENDS))
        + trailer
        + draw(st.sampled_from(ENDS))
        + draw(st.sampled_from([b"", b"GET /"]))
    )


requests = mutated(_requests())
responses = mutated(_responses())
chunked = mutated(_chunked())


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` cut at up to six places."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
