"""Connections of a live run: values arrive as they were, strangers are refused, and nobody waits for a peer."""

import pickle
import socket
import threading
import time

import numpy as np
import pytest

from trainers.live import sockets
from trainers.live.sockets import KEY_BYTES, Connection, Listener, Peers

KEY = bytes(range(KEY_BYTES))


class Heard:
    """Serves a listener, and keeps what came."""

    def __init__(self):
        self.values, self.came = [], threading.Condition()
        self.listener = Listener("127.0.0.1", KEY, self.serve)

    def serve(self, connection):
        while True:
            value = connection.receive()
            with self.came:
                self.values.append(value)
                self.came.notify_all()

    def wait(self, count):
        with self.came:
            assert self.came.wait_for(lambda: len(self.values) >= count, 10)


@pytest.fixture
def heard():
    found = Heard()
    yield found
    found.listener.close()


def test_values_and_answers_arrive_as_they_were():
    listener = Listener("127.0.0.1", KEY, lambda one: [one.send(("heard", one.receive())) for _ in range(3)])
    connection, large = Connection.to(listener.address, KEY), np.arange(10**6)
    for sent in (1, {"large": large}, None):
        connection.send(sent)
        word, back = connection.receive()
        assert word == "heard"
        np.testing.assert_equal(back, sent)
    with pytest.raises((EOFError, OSError)):  # it has served three, and ends the connection
        connection.receive()
    connection.close()
    listener.close()


class Boom:
    """Would be noticed if it were unpickled."""

    happened = False

    def __reduce__(self):
        return setattr, (Boom, "happened", True)


@pytest.mark.parametrize("key", [bytes(KEY_BYTES), KEY[:-1], b""])
def test_nothing_of_a_stranger_is_unpickled(heard, key):
    with socket.create_connection(heard.listener.address, 5) as stranger:
        stranger.sendall(key + pickle.dumps(Boom()))
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(1) == b""  # the listener ends it
    assert heard.values == []
    assert not Boom.happened


def test_peers_are_reached_at_their_newest_address(heard):
    peers, other = Peers(KEY), Heard()
    peers.send(1, ["nobody knows where it is"])
    peers.addresses = {1: heard.listener.address}
    peers.send(1, ["a", "b"])
    heard.wait(1)
    peers.addresses = {1: other.listener.address}
    peers.send(1, ["c"])
    other.wait(1)
    assert (heard.values, other.values, peers.lost) == ([["a", "b"]], [["c"]], 1)
    peers.close()
    other.listener.close()


def test_a_peer_that_is_gone_is_not_tried_again_and_again(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    peers, tried = Peers(KEY), []
    connect = socket.create_connection
    monkeypatch.setattr(sockets.socket, "create_connection", lambda *given: tried.append(given) or connect(*given))
    peers.addresses = {0: address}
    for _ in range(5):
        peers.send(0, ["lost"])
    assert (len(tried), peers.lost) == (1, 5)


def test_nobody_waits_for_a_peer_that_does_not_read():
    peers, value = Peers(KEY), bytes(2**20)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peers.addresses = {0: silent.getsockname()}
        started = time.monotonic()
        for _ in range(100):
            peers.send(0, [value])
        assert peers.lost > 50
        assert time.monotonic() - started < 20 * sockets.WITHIN
    peers.close()


def test_a_connection_that_the_other_side_has_ended_is_made_anew(monkeypatch):
    monkeypatch.setattr(sockets, "AGAIN_AFTER", 0.1)
    came = []
    listener = Listener("127.0.0.1", KEY, lambda connection: came.append(connection.receive()))  # one, and then the end
    peers = Peers(KEY)
    peers.addresses[0] = listener.address
    until = time.monotonic() + 10
    while len(came) < 3 and time.monotonic() < until:
        peers.send(0, ["hello"])
        time.sleep(0.02)
    peers.close()
    listener.close()
    assert len(came) >= 3
