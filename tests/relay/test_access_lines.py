"""The access lines that the relay writes."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import msgspec
import pytest

from relay.counted import exchange, make
from relay.lab import GET, POST, Lab, get, ok, route, service, table
from relay.peer import until

__all__ = ["make"]
FORMATS = {
    "common": r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a\?b HTTP/1\.1" 200 \d+',
    "combined": r'127\.0\.0\.1 - - \[.{20} \+0000\] "GET /a\?b HTTP/1\.1" 200 \d+ "http://r/" "agent \\x22x\\x22"',
    "traefik": r'127\.0\.0\.1 - - \[.{20} \+0000\] "GET /a\?b HTTP/1\.1" 200 \d+ "http://r/" "agent \\x22x\\x22" 1 "web" '
    r'"http://127\.0\.0\.1:\d+" \d+ms',
    "haproxy": r"127\.0\.0\.1:0 \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] faststicky web/b0 0/\d+/\d+/\d+/\d+ 200 \d+ - - --NI "
    r'0/0/0/0/0 0/0 "GET /a\?b HTTP/1\.1"',
}


@pytest.mark.parametrize("name", [*FORMATS, "json"])
def test_a_line_for_every_request(lab: Lab, make: Any, name: str) -> None:
    backend = lab.backend()
    found = make(backend, access_log=name)
    request = (
        b'GET /a?b HTTP/1.1\r\nHost: a\r\nReferer: http://r/\r\nUser-Agent: agent "x"\r\n'
        b"Cookie: secret=1; s=nonsense\r\nAuthorization: Basic secret\r\n\r\n"
    )
    exchange(found.proxy.client(), backend, request)
    until(lambda: found.lines, "the line")
    (line,) = found.lines
    assert "secret" not in line
    assert "nonsense" not in line
    if name != "json":
        assert re.fullmatch(FORMATS[name].replace("--NI", "--II"), line), line
        return
    fields = json.loads(line)
    assert re.fullmatch(r"[0-9a-f]{32}", fields.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert 0 <= fields.pop("queue") + fields.pop("connect") <= fields.pop("first") <= fields.pop("total")
    assert fields.pop("bytes") > 0
    assert fields == {
        "client": "127.0.0.1",
        "method": "GET",
        "host": "a",
        "target": "/a?b",
        "version": "1.1",
        "status": 200,
        "service": "web",
        "backend": "b0",
        "sticky": "moved_gone",
        "retries": 0,
        "end": "--",
        "referer": "http://r/",
        "agent": 'agent "x"',
    }


@pytest.mark.parametrize("trusted", [True, False])
def test_the_line_has_the_request_id_that_the_backend_got(lab: Lab, make: Any, trusted: bool) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json", trusted_proxies=("127.0.0.0/8",) if trusted else ())
    client = found.proxy.client()
    client.send(b'GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: theirs"1\r\n\r\n')
    peer = backend.accept()
    got = peer.request().all(b"x-request-id")
    peer.send(ok())
    assert client.answer().status == 200
    until(lambda: found.lines, "the line")
    assert got == [json.loads(found.lines[0])["id"].encode()]
    assert (got == [b'theirs"1']) is trusted


def test_waiting_in_a_queue_is_told_from_connecting(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json", max_concurrent=1, max_queued=5, queue_timeout=30.0)
    first, second = found.proxy.client(), found.proxy.client()
    first.send(GET)
    peer = backend.accept()
    peer.request()
    second.send(GET)
    until(lambda: found.backend()["queued"] == 1, "the queue")
    time.sleep(0.5)
    peer.send(ok())
    assert first.answer().status == 200
    peer.request()
    peer.send(ok())
    assert second.answer().status == 200
    until(lambda: len(found.lines) == 2, "both lines")
    straight, queued = (json.loads(line) for line in found.lines)
    assert straight["queue"] < 400 < queued["queue"] <= queued["first"]
    assert queued["connect"] == 0  # a kept connection
    assert straight["connect"] > 0


def test_bytes_that_a_client_chose_cannot_end_a_line_or_a_field(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json")
    exchange(found.proxy.client(), backend, b'GET /%22"<\x7b HTTP/1.1\r\nHost: a\r\nUser-Agent: \xe9\t"\\\r\n\r\n')
    until(lambda: found.lines, "the line")
    fields = json.loads(found.lines[0])
    assert fields["target"] == '/%22"<{'
    assert fields["agent"] == '\xe9\t"\\'


def test_a_line_of_haproxy_has_all_its_fields_without_a_service_too(lab: Lab, make: Any) -> None:
    found = make(lab.backend(), access_log="haproxy")
    client = found.proxy.client()
    client.send(b"nonsense\r\n\r\n")
    assert client.answer().status == 400
    until(lambda: found.lines, "the line")
    assert " faststicky faststicky/<NOSRV> 0/-1/-1/-1/" in found.lines[0]


def test_what_never_was_a_request_has_a_line_too(lab: Lab, make: Any) -> None:
    found = make(lab.backend(), access_log="json")
    for request, status in ((b"nonsense\r\n\r\n", 400), (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405)):
        client = found.proxy.client()
        client.send(request)
        assert client.answer().status == status
    until(lambda: len(found.lines) == 2, "two lines")
    assert [json.loads(line)["status"] for line in found.lines] == [400, 405]
    assert json.loads(found.lines[0])["method"] == "<BADREQ>"
    assert json.loads(found.lines[1])["end"] == "PR"


def test_many_lines_are_handed_over_in_pieces(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend, access_log="common")
    found.proxy.publish(table(service([backend]), generation=2, routes=()))
    client = found.proxy.client()
    count = 2000
    client.send(get(b"/" + b"x" * 4000) * count)
    for _ in range(count):
        assert client.answer().status == 404
    until(lambda: len(found.lines) == count, "all lines")
    assert max(found.handed) < 262144 + 8192


@pytest.mark.parametrize("name", [*FORMATS, "json"])
def test_there_is_room_for_the_longest_line_behind_as_many_as_ever_wait(lab: Lab, make: Any, name: str) -> None:
    """Every field is as long as any is shown, and of bytes that are escaped."""
    backend = lab.backend()
    options = {"max_line": 40_000, "max_head": 400_000, "trusted_proxies": ("127.0.0.0/8",)}
    found = make(backend, access_log=name, **options)
    web = service([msgspec.structs.replace(backend.spec(), name="\u00fc" * 9000)], [], name="\u00fc" * 9000)
    found.proxy.publish(table(web, generation=2, routes=[route(web.name, 1, ("path_prefix", "/long"))]))
    client = found.proxy.client()
    short = get(b"/" + b"x" * 4000)
    client.send(short)
    assert client.answer().status == 404
    until(lambda: found.lines, "the first line")
    many = 262_143 // (len(found.lines[0]) + 8)
    lines = b"GET /long%b HTTP/1.1\r\nHost: %b\r\nReferer: %b\r\nUser-Agent: %b\r\nX-Request-ID: %b\r\n\r\n"
    long = lines % tuple(byte * 9000 for byte in (b'"', b"h", b"\xfc", b"\xfc", b"\xfc"))
    peer = None
    for _ in range(5):
        client.send(short * many + long)
        peer = peer or backend.accept()
        peer.until(b"\r\n\r\n")
        peer.send(ok())
        assert [client.answer().status for _ in range(many + 1)] == [404] * many + [200]
    until(lambda: len(found.lines) == 1 + 5 * (many + 1), "all lines")
    if name == "json":
        fields = json.loads(found.lines[-1])
        shown = ("host", "target", "service", "backend", "referer", "agent", "id")
        assert [len(fields[key]) for key in shown] == [8192] * len(shown)


@pytest.mark.parametrize(
    ("script", "end", "status"),
    [
        (b"", "SH", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n0", "SD", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0", "--", 200),
    ],
)
def test_how_it_ended(lab: Lab, make: Any, script: bytes, end: str, status: int) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json")
    client = found.proxy.client()
    client.send(POST)
    peer = backend.accept()
    peer.request()
    peer.send(script)
    peer.finish()
    client.answer()
    until(lambda: found.lines, "the line")
    fields = json.loads(found.lines[0])
    assert (fields["end"], fields["status"]) == (end, status)


@pytest.mark.parametrize(
    ("request_bytes", "status", "reached"),
    [
        (b"nonsense\r\n\r\n", 400, False),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, False),
        (GET, 502, True),
        (GET.replace(b"GET", b"HEAD"), 502, True),
    ],
)
def test_bytes_of_our_own_answers_are_counted(
    lab: Lab, make: Any, request_bytes: bytes, status: int, reached: bool
) -> None:
    """In the line as in the counters, as HAProxy and nginx do."""
    backend = lab.backend()
    backend.refuse()
    found = make(backend, access_log="json")
    client = found.proxy.client()
    client.send(request_bytes)
    answer = client.answer(request_bytes[:4].strip())
    assert answer.status == status
    until(lambda: found.lines, "the line")
    assert json.loads(found.lines[0])["bytes"] == len(answer.raw) > 0
    assert found.total()["bytes_out"] == len(answer.raw)
    assert found.service()["bytes_out"] == (len(answer.raw) if reached else 0)
    assert found.backend()["bytes_out"] == 0
