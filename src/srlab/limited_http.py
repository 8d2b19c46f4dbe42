"""HTTP for strangers: uvicorn's, with limits on connections and on the time of a request, which uvicorn does not have.

A connection that is silent, or sends its request a byte at a time, is closed after some seconds. Where all places
are taken, a new connection takes the place of the one that has been silent longest. So nobody can keep the others out
by opening connections, however many.
"""

import asyncio
import socket
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from srlab.errors import SrlabError

HEADER_BYTES = 16 * 1024  # of a request's first line and headers
OPEN_FILES = 1024  # that the process needs: connections, those that are just coming, and its own files
BACKLOG = 256  # connections that wait to be accepted


class LimitedProtocol(H11Protocol):
    """One connection.

    Attributes:
        places: connections at a time; a browser opens about six, and closes them after five seconds.
        request_seconds: from a request's beginning to its last byte.
        answer_seconds: from there to the last byte of the answer; 120 suffice for 1 MB at 10 KB a second.
    """

    places = 400
    request_seconds = 20.0
    answer_seconds = 120.0

    _timer: asyncio.TimerHandle | None = None
    _answering = False  # whether the request is whole and its answer is not
    _heard = 0.0  # when the client last sent something

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._heard = self.loop.time()
        self._wait(self.request_seconds)
        if len(self.connections) > self.places:
            others: list[Any] = [one for one in self.connections if isinstance(one, LimitedProtocol)]
            min(others, key=lambda one: (one._answering, one._heard))._close()

    def data_received(self, data: bytes) -> None:
        self._heard = self.loop.time()
        super().data_received(data)
        whole = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if whole and not self._answering:
            self._answering = True
            self._wait(self.answer_seconds)
        elif self._timer is None and self.conn.their_state is not h11.DONE:
            self._wait(self.request_seconds)

    def on_response_complete(self) -> None:
        self._answering = False
        if self.transport.get_write_buffer_size():  # written by the application, and not yet taken by the client
            self._wait(self.answer_seconds)
        else:
            self._stop()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, self._close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self.connections.discard(self)
        self.transport.abort()


def allow_open_files() -> None:
    """Raises this process's limit of open files to OPEN_FILES, where the system has such a limit and lets it."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket, so that an address that cannot be had is an error before anything else happens.

    The protocol is named because asyncio turns off Nagle's algorithm, 40 ms an answer, only where it knows it is TCP.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that was killed starts again at once
        listening.bind((host, port))
        listening.listen()  # what comes before the event loop runs waits instead of failing
    except (OSError, OverflowError) as error:
        listening.close()
        raise SrlabError(f"host={host} port={port}: {error}. Choose another, or 0 for any free port.") from None
    return listening
