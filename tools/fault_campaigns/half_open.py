"""Clients that open connections and never finish their requests."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

HALVES = (
    b"",
    b"GET /r/x HTTP/1.1\r\nHost: x\r\nX-More: ",
    b"POST /r/x/ratings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{",
    b"POST /r/x/ratings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
)


@contextmanager
def half_open(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Opens connections with requests that do not end, and keeps them open in the block."""
    connections = []
    try:
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connections.append(connection)
            try:
                connection.sendall(HALVES[number % len(HALVES)])
            except OSError:  # its place was given to a later one
                continue
        yield connections
    finally:
        for connection in connections:
            connection.close()


def closed(connection: socket.socket, seconds: float) -> bool:
    """Whether the server closes a connection within some seconds."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def dripped(connection: socket.socket, seconds: float) -> float:
    """Sends a byte every tenth of a second; returns after how many seconds the server closed, at most `seconds`."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            connection.sendall(b"a")
        except OSError:
            break
        time.sleep(0.1)
    return time.monotonic() - began
