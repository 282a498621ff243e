from __future__ import annotations

import errno
import socket

import pytest

from faststicky.address import Address
from faststicky.errors import ConfigError
from faststicky.serve.listeners import Listeners, cannot_listen

ANY = Address("127.0.0.1", 0)


@pytest.fixture
def open_listeners():
    made: list[Listeners] = []

    def make(*args) -> Listeners:
        made.append(Listeners(*args))
        return made[-1]

    yield make
    for listeners in made:
        listeners.close()


def test_each_worker_has_a_socket_of_its_own_for_each_address(open_listeners):
    listeners = open_listeners([ANY, ANY], 3)
    assert [len(mine) for mine in listeners.sockets] == [2, 2, 2]
    for position, address in enumerate(listeners.addresses):
        assert address.port != 0
        assert {mine[position].getsockname() for mine in listeners.sockets} == {("127.0.0.1", address.port)}
    assert listeners.addresses[0] != listeners.addresses[1]


def test_a_connection_waits_in_the_queue_of_one_of_them(open_listeners):
    listeners = open_listeners([ANY], 2)
    with socket.create_connection(("127.0.0.1", listeners.addresses[0].port), timeout=5):
        accepted = []
        for (sock,) in listeners.sockets:
            try:
                accepted.append(sock.accept()[0])
            except BlockingIOError:
                continue
        assert len(accepted) == 1
        accepted[0].close()


def test_acknowledgements_wait_for_answers(open_listeners):
    listeners = open_listeners([ANY], 1)
    with socket.create_connection(("127.0.0.1", listeners.addresses[0].port), timeout=5):
        accepted, _ = listeners.sockets[0][0].accept()
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 0
        accepted.close()


def test_both_address_families_of_one_port(open_listeners):
    first = open_listeners([Address("127.0.0.1", 0)], 1).addresses[0]
    second = open_listeners([Address("::1", first.port)], 1).addresses[0]
    assert str(second) == f"[::1]:{first.port}"


def test_a_port_of_another_program(open_listeners):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(
            ConfigError, match=rf"--listen: cannot listen on {taken}: the port is in use; .*another port"
        ):
            open_listeners([taken], 1)


def test_a_port_of_another_faststicky_is_not_shared_silently(open_listeners):
    first = open_listeners([ANY], 2)
    with pytest.raises(ConfigError, match="the port is in use"):
        open_listeners(first.addresses, 2)


def test_a_port_is_free_again_at_once(open_listeners):
    first = open_listeners([ANY], 1)
    with socket.create_connection(("127.0.0.1", first.addresses[0].port), timeout=5):
        first.close()
        again = open_listeners(first.addresses, 1)
    assert again.addresses == first.addresses


def test_an_address_of_another_machine(open_listeners):
    with pytest.raises(ConfigError, match=r"cannot listen on 203\.0\.113\.1:0.*an address of this machine"):
        open_listeners([ANY, Address("203.0.113.1", 0)], 1)


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.EACCES, "CAP_NET_BIND_SERVICE"), (errno.EAFNOSUPPORT, "no IPv6"), (errno.EIO, "")]
)
def test_remedies(number, remedy):
    error = cannot_listen(ANY, OSError(number, "text of the system"), "--admin")
    assert error.where == "--admin"
    assert remedy in error.remedy
