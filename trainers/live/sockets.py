"""Connections between the processes of a live run, over which go the things that travel every few milliseconds.

A call of Ray takes 1 to 2 ms of processor time at its two ends together, and a message here a tenth of that. So Ray begins
processes, places them and begins lost ones again; what they tell each other goes from one to the other directly. Whoever
connects shows the key of the run first, before anything is unpickled.
"""

import hmac
import pickle
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

Address = tuple[str, int]
"""Host and port."""
KEY_BYTES = 32
"""Length of the key of a run."""
WITHIN = 0.2
"""Seconds in which a peer has to take a connection or a message."""
AGAIN_AFTER = 2.0
"""Seconds until a peer that did not take a connection is tried again."""


class Connection:
    """Connection over which Python values travel, one after the other.

    Args:
        connected: socket, which belongs to the connection from now on.
    """

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._incoming = connected, connected.makefile("rb")

    @classmethod
    def to(cls, address: Address, key: bytes, within: float | None = None) -> Self:
        """Connect to the listener of another process.

        Args:
            address: of the listener.
            key: of the run.
            within: seconds in which each message has to be taken; None: it may take as long as it likes.

        Returns:
            The connection.

        Raises:
            OSError: where nobody takes it.
        """
        connected = socket.create_connection(address, WITHIN if within is None else within)
        connected.settimeout(within)
        connected.sendall(key)
        return cls(connected)

    def shows(self, key: bytes) -> bool:
        """Return True where the other side begins with this key."""
        return hmac.compare_digest(self._incoming.read(KEY_BYTES), key)

    def send(self, value: Any) -> None:
        """Send a value; raises OSError where the other side is gone."""
        self._socket.sendall(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))

    def receive(self) -> Any:
        """Wait for a value; raises OSError or EOFError where the other side is gone."""
        return pickle.load(self._incoming)  # noqa: S301  # from a process that knows the key

    def is_free(self) -> bool:
        """Return True where there is room for a message on its way; raises OSError where the other side is gone."""
        asked = select.poll()
        asked.register(self._socket, select.POLLOUT)
        found = [events for _, events in asked.poll(0)]
        if any(events & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for events in found):
            raise ConnectionResetError("the other side is gone")
        return bool(found)

    def close(self) -> None:
        """End the connection, from this side."""
        with suppress(OSError):
            self._incoming.close()
            self._socket.close()


class Listener:
    """Takes the connections of those who know the key of the run, and serves each in a thread of its own.

    Args:
        host: address of this machine under which the others know it.
        key: of the run.
        serve: called with each connection, until it returns or the other side is gone.
    """

    def __init__(self, host: str, key: bytes, serve: Callable[[Connection], None]) -> None:
        self._socket = socket.create_server((host, 0))
        self._key, self._serve = key, serve
        self.address: Address = (host, self._socket.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connected, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._take, args=(connected,), daemon=True).start()

    def _take(self, connected: socket.socket) -> None:
        connection = Connection(connected)
        try:
            if connection.shows(self._key):
                self._serve(connection)
        except (OSError, EOFError):  # the other side is gone
            pass
        finally:
            connection.close()

    def close(self) -> None:
        """Take no connections any more."""
        self._socket.close()


class Peers:
    """Connections to other processes that nobody waits for: what one does not take at once is lost, and counted.

    Args:
        key: of the run.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.addresses: dict[int, Address] = {}
        """Addresses of all by number, as far as they are known."""
        self._connections: dict[Address, Connection] = {}
        self._refused: dict[Address, float] = {}
        self.lost = 0
        """Values that were not taken so far."""

    def send(self, peer: int, values: list[Any]) -> None:
        """Send values to one of them.

        Args:
            peer: its number.
            values: that travel together.
        """
        address = self.addresses.get(peer)
        if address is None or not self._sent(address, values):
            self.lost += len(values)

    def _sent(self, address: Address, values: list[Any]) -> bool:
        try:
            if address not in self._connections:
                if time.monotonic() - self._refused.get(address, -AGAIN_AFTER) < AGAIN_AFTER:
                    return False
                self._connections[address] = Connection.to(address, self._key, WITHIN)
            if not self._connections[address].is_free():
                return False
            self._connections[address].send(values)
        except OSError:
            self._refused[address] = time.monotonic()
            if address in self._connections:
                self._connections.pop(address).close()
            return False
        return True

    def close(self) -> None:
        """End the connections to all peers."""
        while self._connections:
            self._connections.popitem()[1].close()
