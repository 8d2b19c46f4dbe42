"""Lines of JSON between the server and the process that computes, and files that go along with them."""

import json
import socket
from typing import Any

LONGEST = 2**16  # bytes of a line
FILES = 3  # that go along with a job: the upload, and where the two results are to be written


def send(channel: socket.socket, content: dict[str, Any], files: list[int] | None = None) -> None:
    """Sends a line.

    Args:
        channel: of a pair of Unix sockets.
        content: plain values.
        files: file descriptors, which the other process gets too.

    Raises:
        OSError: the other process has ended.
    """
    line = json.dumps(content).encode() + b"\n"
    sent = socket.send_fds(channel, [line], files) if files else 0
    channel.sendall(line[sent:])


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Waits for a line and its files; None: the other process has ended."""
    line, files = b"", list[int]()
    while not line.endswith(b"\n"):
        part, more, _, _ = socket.recv_fds(channel, LONGEST, FILES)
        if not part:
            return None
        line, files = line + part, files + list(more)
    return json.loads(line), files
