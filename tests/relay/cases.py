"""Reads cases/*.txt: bytes of a request, what its backend gets, what the backend answers, what the client gets.

    == what is shown, with the section that demands it
    each: Connection Keep-Alive            one case for each word; {each} stands for it
    options: via=fs trusted_proxies=127.0.0.0/8,::1/128     RelayOptions; a bare NAME switches it on, NAME=no off
    service: secure path=/x                of CookiePolicy (name=s); plain: not sticky; own_host: the backend's Host
    request:
    | GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n
    up:                                    what the backend gets; left out if no backend may hear of it
    | GET / HTTP/1.1\\r\\nHost: a\\r\\n{client a}\\r\\n
    answer:
    | HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok
    answer ends                            the backend closes behind it
    down:                                  what the client gets
    | HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok
    open                                   the client's connection goes on; or: closed

`| ` lines are joined as they are, with the escapes of tests/wire. In `up` and `down`, {client HOST} stands for the
fields that say who the client is, {forwarding HOST} for those without X-Request-ID and Forwarded, {date} for a Date
field, {port} for the proxy's port, {id} for 32 hexadecimal digits, {new} for the Set-Cookie field of a new session with
Cache-Control, {own STATUS REASON} for an answer of the proxy's own up to its Cache-Control, {any} for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wire.cases import unescape

HERE = Path(__file__).parent / "cases"
_PARTS = ("request:", "up:", "answer:", "down:")
_PLACE = re.compile(r"\{(client \S+|forwarding \S+|date|port|id|new|own \d+ [^}]+|any)\}")


@dataclass
class Case:
    where: str
    options: dict[str, object] = field(default_factory=dict)
    service: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    answer_ends: bool = False
    closed: bool | None = None

    def data(self, part: str) -> bytes:
        return unescape(self.parts[part])

    def pattern(self, part: str, port: int) -> re.Pattern[bytes]:
        """What `up` or `down` allows."""
        out, at = b"", 0
        text = self.parts[part]
        for match in _PLACE.finditer(text):
            out += re.escape(unescape(text[at : match.start()])) + _place(match[1], port)
            at = match.end()
        return re.compile(out + re.escape(unescape(text[at:])), re.DOTALL)


def _place(text: str, port: int) -> bytes:
    word, _, rest = text.partition(" ")
    if word == "client":
        return _place(f"forwarding {rest}", port) + _place("tags", port).replace(b"HOST", re.escape(rest.encode()))
    if word == "forwarding":
        return (
            rb"X-Forwarded-For: 127\.0\.0\.1\r\nX-Real-IP: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\n"
            rb"X-Forwarded-Host: %b\r\nX-Forwarded-Port: %d\r\n" % (re.escape(rest.encode()), port)
        )
    if word == "own":
        size = len(rest) + 1
        return (
            b"HTTP/1\\.1 %b\r\n" % rest.encode()
            + _place("date", port)
            + b"Content-Type: text/plain\r\nContent-Length: %d\r\nCache-Control: no-store\r\n" % size
        )
    return {
        "date": rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n",
        "port": b"%d" % port,
        "id": b"[0-9a-f]{32}",
        "tags": rb'X-Request-ID: [0-9a-f]{32}\r\nForwarded: for=127\.0\.0\.1;proto=http;host="HOST"\r\n',
        "new": rb"Set-Cookie: s=tb0\.sb0; Path=/; HttpOnly; SameSite=Lax\r\nCache-Control: private\r\n",
        "any": b".*",
    }[word]


def read_cases() -> Iterator[Case]:
    for path in sorted(HERE.glob("*.txt")):
        block: list[str] = []
        title, number = "", 0
        for here, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), "== "], start=1):
            if not line.startswith("== "):
                block.append(line)
                continue
            if title:
                yield from _read_block(f"{path.name}:{number} {title}", block)
            title, number, block = line[3:].strip(), here, []


def _read_block(where: str, lines: list[str]) -> Iterator[Case]:
    words = [line.removeprefix("each:").split() for line in lines if line.startswith("each:")]
    for word in words[0] if words else [""]:
        name = f"{where} [{word}]" if word else where
        yield _read_case(name, [line.replace("{each}", word) for line in lines if not line.startswith("each:")])


def _read_case(where: str, lines: list[str]) -> Case:
    case = Case(where)
    part = ""
    for line in lines:
        if line in _PARTS:
            part = line.removesuffix(":")
            case.parts.setdefault(part, "")
        elif line.startswith("| "):
            case.parts[part] += line[2:]
        elif line.startswith("options:"):
            case.options = dict(_option(word) for word in line.split()[1:])
        elif line.startswith("service:"):
            case.service = {key: value or "yes" for key, _, value in (w.partition("=") for w in line.split()[1:])}
        elif line == "answer ends":
            case.answer_ends = True
        elif line in ("open", "closed"):
            case.closed = line == "closed"
    if "request" not in case.parts or "down" not in case.parts or case.closed is None:
        raise ValueError(f"{where}: `request:`, `down:`, and `open` or `closed` are needed")
    if ("up" in case.parts) != ("answer" in case.parts):
        raise ValueError(f"{where}: `up:` and `answer:` belong together")
    return case


def _option(word: str) -> tuple[str, object]:
    key, equals, value = word.partition("=")
    if not equals or value == "no":
        return key, not equals
    if key == "trusted_proxies":
        return key, tuple(value.split(","))
    return key, int(value) if value.isdigit() else value
