"""A listening socket that lets nobody new in, and forgets nobody who is in."""

from __future__ import annotations

import socket

from faststicky.serve.hush import anybody_at, hush


def test_nobody_new_gets_in_and_those_who_are_there_are_served():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        early = socket.create_connection(listener.getsockname())
        hush(listener)
        late = socket.socket()
        late.settimeout(0.3)
        try:
            late.connect(listener.getsockname())
        except TimeoutError:
            pass
        else:
            raise AssertionError("connected")
        finally:
            late.close()
        assert anybody_at([listener])
        served, _ = listener.accept()
        assert not anybody_at([listener])
        early.sendall(b"hello")
        assert served.recv(10) == b"hello"
        served.sendall(b"you")
        assert early.recv(10) == b"you"
        early.close()
        served.close()


def test_ipv6():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener, socket.socket(socket.AF_INET6) as late:
        hush(listener)
        late.settimeout(0.3)
        assert late.connect_ex(listener.getsockname()) != 0
